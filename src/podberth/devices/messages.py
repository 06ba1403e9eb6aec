"""The messages of the kubelet's APIs for devices: device plugin v1beta1 and PodResources v1. No values and no calls.

Names, numbers and types are facts of k8s.io/kubelet: pkg/apis/deviceplugin/v1beta1 and pkg/apis/podresources/v1,
api.proto. `protobuf/classes.py` says how the tables are written.
"""

from __future__ import annotations

from podberth.protobuf.classes import classes

DEVICE_PLUGIN = {
    "Empty": "",
    "DevicePluginOptions": "pre_start_required:bool=1 get_preferred_allocation_available:bool=2",
    "RegisterRequest": "version:string=1 endpoint:string=2 resource_name:string=3 options:DevicePluginOptions=4",
    "NUMANode": "ID:int64=1",
    "TopologyInfo": "*nodes:NUMANode=1",
    "Device": "ID:string=1 health:string=2 topology:TopologyInfo=3",
    "ListAndWatchResponse": "*devices:Device=1",
    "PreStartContainerRequest": "*devices_ids:string=1",
    "PreStartContainerResponse": "",
    "ContainerPreferredAllocationRequest": "*available_deviceIDs:string=1 *must_include_deviceIDs:string=2"
    " allocation_size:int32=3",
    "PreferredAllocationRequest": "*container_requests:ContainerPreferredAllocationRequest=1",
    "ContainerPreferredAllocationResponse": "*deviceIDs:string=1",
    "PreferredAllocationResponse": "*container_responses:ContainerPreferredAllocationResponse=1",
    "ContainerAllocateRequest": "*devices_ids:string=1",
    "AllocateRequest": "*container_requests:ContainerAllocateRequest=1",
    "CDIDevice": "name:string=1",
    "Mount": "container_path:string=1 host_path:string=2 read_only:bool=3",
    "DeviceSpec": "container_path:string=1 host_path:string=2 permissions:string=3",
    "ContainerAllocateResponse": "envs:map=1 *mounts:Mount=2 *devices:DeviceSpec=3 annotations:map=4"
    " *cdi_devices:CDIDevice=5",
    "AllocateResponse": "*container_responses:ContainerAllocateResponse=1",
}
POD_RESOURCES = {
    "ListPodResourcesRequest": "",
    "GetPodResourcesRequest": "pod_name:string=1 pod_namespace:string=2",
    "ContainerDevices": "resource_name:string=1 *device_ids:string=2",
    "ContainerResources": "name:string=1 *devices:ContainerDevices=2",
    "PodResources": "name:string=1 namespace:string=2 *containers:ContainerResources=3",
    "ListPodResourcesResponse": "*pod_resources:PodResources=1",
    "GetPodResourcesResponse": "pod_resources:PodResources=1",
}
_PLUGIN = classes(DEVICE_PLUGIN, "podberth.kubelet.v1beta1")
_RESOURCES = classes(POD_RESOURCES, "podberth.kubelet.v1")
Empty = _PLUGIN["Empty"]
DevicePluginOptions = _PLUGIN["DevicePluginOptions"]
RegisterRequest = _PLUGIN["RegisterRequest"]
ListAndWatchResponse = _PLUGIN["ListAndWatchResponse"]
PreStartContainerRequest = _PLUGIN["PreStartContainerRequest"]
PreStartContainerResponse = _PLUGIN["PreStartContainerResponse"]
PreferredAllocationRequest = _PLUGIN["PreferredAllocationRequest"]
PreferredAllocationResponse = _PLUGIN["PreferredAllocationResponse"]
AllocateRequest = _PLUGIN["AllocateRequest"]
AllocateResponse = _PLUGIN["AllocateResponse"]
ListPodResourcesRequest = _RESOURCES["ListPodResourcesRequest"]
ListPodResourcesResponse = _RESOURCES["ListPodResourcesResponse"]
GetPodResourcesRequest = _RESOURCES["GetPodResourcesRequest"]
GetPodResourcesResponse = _RESOURCES["GetPodResourcesResponse"]
