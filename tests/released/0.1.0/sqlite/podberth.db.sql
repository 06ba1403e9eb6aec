PRAGMA application_id = 1885626996;
PRAGMA user_version = 3;
BEGIN TRANSACTION;
CREATE TABLE attachments (
    network TEXT NOT NULL, container_id TEXT NOT NULL, ifname TEXT NOT NULL,
    namespace TEXT NOT NULL, pod TEXT NOT NULL, uid TEXT NOT NULL,
    netns TEXT NOT NULL, netns_device INTEGER NOT NULL, netns_inode INTEGER NOT NULL,
    steps TEXT NOT NULL, done INTEGER NOT NULL, since INTEGER NOT NULL, conf TEXT NOT NULL DEFAULT '', device TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (network, container_id, ifname)
) STRICT, WITHOUT ROWID;
INSERT INTO "attachments" VALUES('banknet','23b92675296a42a3958e630bf267522e','eth0','bank','mysql-0','u1','/var/run/netns/pod1-9c064ee9',4,4026532965,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pbbt1ixkbs0160","netns":"/var/run/netns/pod1-9c064ee9","ifname":"eth0","mac":"02:50:0a:32:00:0b","mtu":null,"before":{"netns":"47156"}},{"op":"JoinBridge","link":"pbbt1ixkbs0160","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pbbt1ixkbs0160","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod1-9c064ee9","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"47156"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod1-9c064ee9","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"47156"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod1-9c064ee9","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"47156"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod1-9c064ee9","ifname":"eth0","before":{"netns":"47156"}},{"op":"AddAddress","netns":"/var/run/netns/pod1-9c064ee9","ifname":"eth0","address":"10.50.0.11/24","before":{"netns":"47156"}},{"op":"AddAddress","netns":"/var/run/netns/pod1-9c064ee9","ifname":"eth0","address":"fd00:50::2/64","before":{"netns":"47156"}},{"op":"AddRoute","netns":"/var/run/netns/pod1-9c064ee9","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"47156"}},{"op":"LimitTransmit","netns":null,"ifname":"pbbt1ixkbs0160","mbit":200,"before":{}},{"op":"LimitReceive","netns":null,"ifname":"pbbt1ixkbs0160","ifb":"pibt1ixkbs0160","mbit":100,"before":{}},{"op":"Announce","netns":"/var/run/netns/pod1-9c064ee9","ifname":"eth0","addresses":["10.50.0.11","fd00:50::2"],"before":{"netns":"47156"}}]',1,1795888929515287630,'','');
INSERT INTO "attachments" VALUES('banknet','45b07f5540344766a30070bdfad5a15e','eth0','bank','web-7d4b9c8f5-x2x9k','u1','/var/run/netns/pod4-28776b65',4,4026532610,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb8feidt9t8m1d","netns":"/var/run/netns/pod4-28776b65","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"47159"}},{"op":"JoinBridge","link":"pb8feidt9t8m1d","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb8feidt9t8m1d","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod4-28776b65","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"47159"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod4-28776b65","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"47159"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod4-28776b65","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"47159"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod4-28776b65","ifname":"eth0","before":{"netns":"47159"}},{"op":"AddAddress","netns":"/var/run/netns/pod4-28776b65","ifname":"eth0","address":"10.50.0.20/24","before":{"netns":"47159"}},{"op":"AddAddress","netns":"/var/run/netns/pod4-28776b65","ifname":"eth0","address":"fd00:50::4/64","before":{"netns":"47159"}},{"op":"AddRoute","netns":"/var/run/netns/pod4-28776b65","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"47159"}},{"op":"Announce","netns":"/var/run/netns/pod4-28776b65","ifname":"eth0","addresses":["10.50.0.20","fd00:50::4"],"before":{"netns":"47159"}}]',1,1795888934955517650,'','');
INSERT INTO "attachments" VALUES('banknet','479fc1122f4049839a0c5bf61199b437','eth0','bank','batch','u1','/var/run/netns/pod3-d49bca86',4,4026534844,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pberpn6vlck6op","netns":"/var/run/netns/pod3-d49bca86","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"47158"}},{"op":"JoinBridge","link":"pberpn6vlck6op","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pberpn6vlck6op","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod3-d49bca86","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"47158"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod3-d49bca86","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"47158"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod3-d49bca86","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"47158"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod3-d49bca86","ifname":"eth0","before":{"netns":"47158"}},{"op":"AddAddress","netns":"/var/run/netns/pod3-d49bca86","ifname":"eth0","address":"10.50.0.2/24","before":{"netns":"47158"}},{"op":"AddAddress","netns":"/var/run/netns/pod3-d49bca86","ifname":"eth0","address":"fd00:50::3/64","before":{"netns":"47158"}},{"op":"AddRoute","netns":"/var/run/netns/pod3-d49bca86","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"47158"}},{"op":"Announce","netns":"/var/run/netns/pod3-d49bca86","ifname":"eth0","addresses":["10.50.0.2","fd00:50::3"],"before":{"netns":"47158"}}]',1,1795888932918625826,'','');
INSERT INTO "attachments" VALUES('banknet','676ae0eac079471481ee045ee06da6e5','eth0','bank','tuned','u1','/var/run/netns/pod2-e64cb605',4,4026533384,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pba01s4ad2501h","netns":"/var/run/netns/pod2-e64cb605","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"47157"}},{"op":"JoinBridge","link":"pba01s4ad2501h","bridge":"bank0.200","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pba01s4ad2501h","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod2-e64cb605","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"47157"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod2-e64cb605","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"47157"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod2-e64cb605","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"47157"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod2-e64cb605","key":"net/ipv4/conf/eth0/arp_notify","value":"1","optional":false,"before":{"netns":"47157"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod2-e64cb605","ifname":"eth0","before":{"netns":"47157"}},{"op":"AddAddress","netns":"/var/run/netns/pod2-e64cb605","ifname":"eth0","address":"10.50.0.30/24","before":{"netns":"47157"}},{"op":"AddAddress","netns":"/var/run/netns/pod2-e64cb605","ifname":"eth0","address":"fd00:50::30/64","before":{"netns":"47157"}},{"op":"AddRoute","netns":"/var/run/netns/pod2-e64cb605","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"47157"}},{"op":"Announce","netns":"/var/run/netns/pod2-e64cb605","ifname":"eth0","addresses":["10.50.0.30","fd00:50::30"],"before":{"netns":"47157"}}]',1,1795888931409515304,'','');
INSERT INTO "attachments" VALUES('banknet','68f63b24b01f474daf40707543581a4b','eth0','bank','leaving','u1','/var/run/netns/pod14-5ec20471',4,4026536411,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pbcwq7ttqv15g2","netns":"/var/run/netns/pod14-5ec20471","ifname":"pg2","mac":null,"mtu":null,"before":{"netns":"44408"}},{"op":"JoinBridge","link":"pbcwq7ttqv15g2","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pbcwq7ttqv15g2","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod14-5ec20471","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"44408"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod14-5ec20471","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"44408"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod14-5ec20471","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"44408"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod14-5ec20471","ifname":"pg2","before":{"netns":"44408"}},{"op":"Announce","netns":"/var/run/netns/pod14-5ec20471","ifname":"pg2","addresses":["10.50.0.4","fd00:50::8"],"before":{"netns":"44408"}}]',2,1795888981506397102,'','');
INSERT INTO "attachments" VALUES('banknet','7091c52255474e7dbd25cf4c7d010d57','eth0','bank','intent','u1','/var/run/netns/pod12-b904a4d7',4,4026534713,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb65amp59ko5es","netns":"/var/run/netns/pod12-b904a4d7","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"44407"}},{"op":"JoinBridge","link":"pb65amp59ko5es","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb65amp59ko5es","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod12-b904a4d7","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"44407"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod12-b904a4d7","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"44407"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod12-b904a4d7","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"44407"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod12-b904a4d7","ifname":"eth0","before":{"netns":"44407"}},{"op":"AddAddress","netns":"/var/run/netns/pod12-b904a4d7","ifname":"eth0","address":"10.50.0.5/24","before":{"netns":"44407"}},{"op":"AddAddress","netns":"/var/run/netns/pod12-b904a4d7","ifname":"eth0","address":"fd00:50::9/64","before":{"netns":"44407"}},{"op":"AddRoute","netns":"/var/run/netns/pod12-b904a4d7","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"44407"}},{"op":"Announce","netns":"/var/run/netns/pod12-b904a4d7","ifname":"eth0","addresses":["10.50.0.5","fd00:50::9"],"before":{"netns":"44407"}}]',0,1795888982438436381,'','');
INSERT INTO "attachments" VALUES('banknet','7c5ddb9427024225bf831d9414db644f','eth0','bank','mysql-1','u2','/var/run/netns/pod8-17882891',4,4026535066,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pbd6vvedrtzjp8","netns":"/var/run/netns/pod8-17882891","ifname":"eth0","mac":"02:50:0a:32:00:0c","mtu":null,"before":{"netns":"44331"}},{"op":"JoinBridge","link":"pbd6vvedrtzjp8","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pbd6vvedrtzjp8","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod8-17882891","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"44331"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod8-17882891","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"44331"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod8-17882891","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"44331"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod8-17882891","ifname":"eth0","before":{"netns":"44331"}},{"op":"AddAddress","netns":"/var/run/netns/pod8-17882891","ifname":"eth0","address":"10.50.0.12/24","before":{"netns":"44331"}},{"op":"AddAddress","netns":"/var/run/netns/pod8-17882891","ifname":"eth0","address":"fd00:50::5/64","before":{"netns":"44331"}},{"op":"AddRoute","netns":"/var/run/netns/pod8-17882891","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"44331"}},{"op":"LimitTransmit","netns":null,"ifname":"pbd6vvedrtzjp8","mbit":200,"before":{}},{"op":"LimitReceive","netns":null,"ifname":"pbd6vvedrtzjp8","ifb":"pid6vvedrtzjp8","mbit":100,"before":{}},{"op":"Announce","netns":"/var/run/netns/pod8-17882891","ifname":"eth0","addresses":["10.50.0.12","fd00:50::5"],"before":{"netns":"44331"}}]',1,1795888943239264257,'','');
INSERT INTO "attachments" VALUES('banknet','8009e13fb78f447a9467c5084d810de0','eth0','bank','halfway','u1','/var/run/netns/pod13-c51067d1',4,4026536342,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb345bkj9xux86","netns":"/var/run/netns/pod13-c51067d1","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"47305"}},{"op":"JoinBridge","link":"pb345bkj9xux86","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb345bkj9xux86","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod13-c51067d1","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"47305"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod13-c51067d1","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"47305"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod13-c51067d1","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"47305"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod13-c51067d1","ifname":"eth0","before":{"netns":"47305"}},{"op":"AddAddress","netns":"/var/run/netns/pod13-c51067d1","ifname":"eth0","address":"10.50.0.3/24","before":{"netns":"47305"}},{"op":"AddAddress","netns":"/var/run/netns/pod13-c51067d1","ifname":"eth0","address":"fd00:50::7/64","before":{"netns":"47305"}},{"op":"AddRoute","netns":"/var/run/netns/pod13-c51067d1","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"47305"}},{"op":"Announce","netns":"/var/run/netns/pod13-c51067d1","ifname":"eth0","addresses":["10.50.0.3","fd00:50::7"],"before":{"netns":"47305"}}]',1,1795888980352483846,'','');
INSERT INTO "attachments" VALUES('banknet','d8af0ecf05b2474cba466544da92516f','eth0','bank','kept','u1','/var/run/netns/pod8-c55b4c4a',4,4026532178,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb9snilrapl78l","netns":"/var/run/netns/pod8-c55b4c4a","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"44351"}},{"op":"JoinBridge","link":"pb9snilrapl78l","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb9snilrapl78l","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod8-c55b4c4a","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"44351"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod8-c55b4c4a","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"44351"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod8-c55b4c4a","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"44351"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod8-c55b4c4a","ifname":"eth0","before":{"netns":"44351"}},{"op":"AddAddress","netns":"/var/run/netns/pod8-c55b4c4a","ifname":"eth0","address":"10.50.0.60/24","before":{"netns":"44351"}},{"op":"AddAddress","netns":"/var/run/netns/pod8-c55b4c4a","ifname":"eth0","address":"fd00:50::6/64","before":{"netns":"44351"}},{"op":"AddRoute","netns":"/var/run/netns/pod8-c55b4c4a","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"44351"}},{"op":"Announce","netns":"/var/run/netns/pod8-c55b4c4a","ifname":"eth0","addresses":["10.50.0.60","fd00:50::6"],"before":{"netns":"44351"}}]',1,1795888956986377924,'','');
INSERT INTO "attachments" VALUES('macnet','509c898b04be4129b81ba74794d2664f','eth0','bank','upstairs','u1','/var/run/netns/pod6-42449b42',4,4026532261,'[{"op":"CreateMacvlan","parent":"up0","mode":"bridge","netns":"/var/run/netns/pod6-42449b42","ifname":"eth0","vlan":null,"mac":null,"mtu":null,"before":{"netns":"44329"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod6-42449b42","ifname":"eth0","before":{"netns":"44329"}},{"op":"AddAddress","netns":"/var/run/netns/pod6-42449b42","ifname":"eth0","address":"10.52.0.2/28","before":{"netns":"44329"}},{"op":"AddRoute","netns":"/var/run/netns/pod6-42449b42","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.52.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"44329"}},{"op":"Announce","netns":"/var/run/netns/pod6-42449b42","ifname":"eth0","addresses":["10.52.0.2"],"before":{"netns":"44329"}}]',1,1795888939039673604,'','');
INSERT INTO "attachments" VALUES('runnet','run-0001','eth0','bank','ran','','/run/netns/run-0001',4,4026533056,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pbf89tykgcnpl6","netns":"/run/netns/run-0001","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"47329"}},{"op":"JoinBridge","link":"pbf89tykgcnpl6","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pbf89tykgcnpl6","before":{}},{"op":"WriteSysctl","netns":"/run/netns/run-0001","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"47329"}},{"op":"WriteSysctl","netns":"/run/netns/run-0001","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"47329"}},{"op":"WriteSysctl","netns":"/run/netns/run-0001","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"47329"}},{"op":"SetLinkUp","netns":"/run/netns/run-0001","ifname":"eth0","before":{"netns":"47329"}},{"op":"AddAddress","netns":"/run/netns/run-0001","ifname":"eth0","address":"10.50.0.6/24","before":{"netns":"47329"}},{"op":"AddAddress","netns":"/run/netns/run-0001","ifname":"eth0","address":"fd00:50::a/64","before":{"netns":"47329"}},{"op":"AddRoute","netns":"/run/netns/run-0001","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"47329"}},{"op":"Announce","netns":"/run/netns/run-0001","ifname":"eth0","addresses":["10.50.0.6","fd00:50::a"],"before":{"netns":"47329"}}]',1,1795888984242592834,'','');
INSERT INTO "attachments" VALUES('sriovnet','wired0001','eth0','bank','wired','u1','/var/run/netns/wired0001',4,4026530000,'[{"op":"ConfigureVf","device":"0000:03:00.2","pf":"ens1f0","index":0,"vlan":100,"qos":3,"proto":"802.1q","mac":"02:00:0a:32:00:0b","max_tx_rate":1000,"min_tx_rate":null,"spoofchk":true,"trust":false,"link_state":"auto","userspace":false,"before":{"boot":"7f3f1a58-6c7e-4a55-9a53-0d6f2e3b8c11","driver":"iavf","vlan":"0","qos":"0","proto":"802.1q","mac":"00:00:00:00:00:00","max_tx_rate":"0","min_tx_rate":"0","spoofchk":"yes","trust":"no","link_state":"auto","effective_mac":"3e:11:22:33:44:55","mac_chosen_by":"3","up":"no"}},{"op":"MoveVf","device":"0000:03:00.2","link":"ens1f0v0","netns":"/var/run/netns/wired","ifname":"eth0","mac":"02:00:0a:32:00:0b","mtu":9000,"before":{"boot":"7f3f1a58-6c7e-4a55-9a53-0d6f2e3b8c11","driver":"iavf","name":"ens1f0v0","altnames":"","mtu":"1500","queue":"1000","flags":"0"}}]',1,1790000000000000000,'','0000:03:00.2');
CREATE TABLE device_labels (
    device TEXT NOT NULL, label TEXT NOT NULL,
    PRIMARY KEY (device, label)
) STRICT, WITHOUT ROWID;
CREATE TABLE document_names (
    what TEXT NOT NULL, named TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (what, named, namespace, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "document_names" VALUES('mac','fromAddress','bank','mysql');
INSERT INTO "document_names" VALUES('pool','db','bank','mysql');
INSERT INTO "document_names" VALUES('pool','oldest','bank','sticky');
INSERT INTO "document_names" VALUES('pool','db','bank','tuned');
INSERT INTO "document_names" VALUES('pool','db','bank','web');
CREATE TABLE documents (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    pod TEXT, stateful_set TEXT,
    body TEXT NOT NULL, source TEXT NOT NULL, origin TEXT NOT NULL, generation INTEGER NOT NULL, deployment TEXT,
    PRIMARY KEY (kind, namespace, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "documents" VALUES('PodNetwork','bank','mysql',NULL,'mysql','{"apiVersion":"podberth.io/v1alpha1","kind":"PodNetwork","metadata":{"namespace":"bank","name":"mysql"},"spec":{"statefulSet":{"name":"mysql","replicas":3},"attachments":[{"ifname":"eth0","pool":"db","ordinals":[{"range":"10.50.0.11-10.50.0.13"}],"mac":"fromAddress","rates":{"egress":100,"ingress":200}}]}}','apply: /var/lib/documents.yaml','apply: /var/lib/documents.yaml',1,NULL);
INSERT INTO "documents" VALUES('PodNetwork','bank','sticky','sticky',NULL,'{"apiVersion":"podberth.io/v1alpha1","kind":"PodNetwork","metadata":{"namespace":"bank","name":"sticky"},"spec":{"pod":"sticky","attachments":[{"ifname":"eth0","pool":"oldest","sticky":true}]}}','apply: /var/lib/documents.yaml','apply: /var/lib/documents.yaml',1,NULL);
INSERT INTO "documents" VALUES('PodNetwork','bank','tuned','tuned',NULL,'{"apiVersion":"podberth.io/v1alpha1","kind":"PodNetwork","metadata":{"namespace":"bank","name":"tuned"},"spec":{"pod":"tuned","attachments":[{"ifname":"eth0","pool":"db","addresses":["10.50.0.30","fd00:50::30"],"vlan":{"id":200,"priority":0},"sysctls":{"net.ipv4.conf.IFNAME.arp_notify":"1"}}]}}','apply: /var/lib/documents.yaml','apply: /var/lib/documents.yaml',1,NULL);
INSERT INTO "documents" VALUES('PodNetwork','bank','web',NULL,NULL,'{"apiVersion":"podberth.io/v1alpha1","kind":"PodNetwork","metadata":{"namespace":"bank","name":"web"},"spec":{"deployment":{"name":"web"},"attachments":[{"ifname":"eth0","pool":"db","addresses":["10.50.0.20-10.50.0.21"]}]}}','apply: /var/lib/documents.yaml','apply: /var/lib/documents.yaml',1,'web');
INSERT INTO "documents" VALUES('Pool','','db',NULL,NULL,'{"apiVersion":"podberth.io/v1alpha1","kind":"Pool","metadata":{"name":"db"},"spec":{"subnets":[{"subnet":"10.50.0.0/24","gateway":"10.50.0.1","hold":["10.50.0.10-10.50.0.99"]},{"subnet":"fd00:50::/64","gateway":"fd00:50::1"}],"vlan":{"id":100,"priority":0},"routes":[{"dst":"0.0.0.0/0"}]}}','apply: /var/lib/documents.yaml','apply: /var/lib/documents.yaml',1,NULL);
INSERT INTO "documents" VALUES('Pool','','oldest',NULL,NULL,'{"apiVersion":"podberth.io/v1alpha1","kind":"Pool","metadata":{"name":"oldest"},"spec":{"subnets":[{"subnet":"10.52.0.0/28","gateway":"10.52.0.1"}],"allocation":"leastRecentlyUsed"}}','apply: /var/lib/documents.yaml','apply: /var/lib/documents.yaml',1,NULL);
INSERT INTO "documents" VALUES('Pool','','resting',NULL,NULL,'{"apiVersion":"podberth.io/v1alpha1","kind":"Pool","metadata":{"name":"resting"},"spec":{"subnets":[{"subnet":"10.51.0.0/29","gateway":"10.51.0.1"}],"quarantine":25920000}}','apply: /var/lib/documents.yaml','apply: /var/lib/documents.yaml',1,NULL);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT CHECK (seq > 0), time INTEGER NOT NULL, kind TEXT NOT NULL,
    address BLOB NOT NULL, pool TEXT NOT NULL, state TEXT NOT NULL,
    namespace TEXT NOT NULL, pod TEXT NOT NULL, uid TEXT NOT NULL, ifname TEXT NOT NULL,
    network TEXT NOT NULL, container_id TEXT NOT NULL,
    who TEXT NOT NULL, why TEXT NOT NULL, node TEXT NOT NULL
, owner TEXT NOT NULL DEFAULT '') STRICT;
INSERT INTO "events" VALUES(1,1795888925824822319,'Reserved',X'0A32000B','db','RESERVED','bank','mysql-0','','eth0','','','uid 0 (root)','apply /var/lib/documents.yaml','worker-1','');
INSERT INTO "events" VALUES(2,1795888925834400162,'Reserved',X'0A32000C','db','RESERVED','bank','mysql-1','','eth0','','','uid 0 (root)','apply /var/lib/documents.yaml','worker-1','');
INSERT INTO "events" VALUES(3,1795888925836801488,'Reserved',X'0A32000D','db','RESERVED','bank','mysql-2','','eth0','','','uid 0 (root)','apply /var/lib/documents.yaml','worker-1','');
INSERT INTO "events" VALUES(4,1795888925838878043,'Reserved',X'0A320014','db','RESERVED','bank','deployment/web','','eth0','','','uid 0 (root)','apply /var/lib/documents.yaml','worker-1','deployment/web');
INSERT INTO "events" VALUES(5,1795888925838930531,'Reserved',X'0A320015','db','RESERVED','bank','deployment/web','','eth0','','','uid 0 (root)','apply /var/lib/documents.yaml','worker-1','deployment/web');
INSERT INTO "events" VALUES(6,1795888925838965653,'Reserved',X'0A32001E','db','RESERVED','bank','tuned','','eth0','','','uid 0 (root)','apply /var/lib/documents.yaml','worker-1','');
INSERT INTO "events" VALUES(7,1795888925838997831,'Reserved',X'FD000050000000000000000000000030','db','RESERVED','bank','tuned','','eth0','','','uid 0 (root)','apply /var/lib/documents.yaml','worker-1','');
INSERT INTO "events" VALUES(8,1795888929293183172,'Bound',X'0A32000B','db','HELD','bank','mysql-0','u1','eth0','banknet','23b92675296a42a3958e630bf267522e','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(9,1795888929293183172,'Bound',X'FD000050000000000000000000000002','db','LEASED','bank','mysql-0','u1','eth0','banknet','23b92675296a42a3958e630bf267522e','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(10,1795888931326651367,'Bound',X'0A32001E','db','HELD','bank','tuned','u1','eth0','banknet','676ae0eac079471481ee045ee06da6e5','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(11,1795888931326651367,'Bound',X'FD000050000000000000000000000030','db','HELD','bank','tuned','u1','eth0','banknet','676ae0eac079471481ee045ee06da6e5','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(12,1795888932711903586,'Bound',X'0A320002','db','LEASED','bank','batch','u1','eth0','banknet','479fc1122f4049839a0c5bf61199b437','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(13,1795888932711903586,'Bound',X'FD000050000000000000000000000003','db','LEASED','bank','batch','u1','eth0','banknet','479fc1122f4049839a0c5bf61199b437','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(14,1795888934854461613,'Bound',X'0A320014','db','HELD','bank','web-7d4b9c8f5-x2x9k','u1','eth0','banknet','45b07f5540344766a30070bdfad5a15e','plugin','ADD','worker-1','deployment/web');
INSERT INTO "events" VALUES(15,1795888934854461613,'Bound',X'FD000050000000000000000000000004','db','LEASED','bank','web-7d4b9c8f5-x2x9k','u1','eth0','banknet','45b07f5540344766a30070bdfad5a15e','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(16,1795888935895152326,'Bound',X'0A320015','db','HELD','bank','web-7d4b9c8f5-b4c5d','u1','eth0','banknet','d5cca0e96a4145d19ae3d53c2838c8ee','plugin','ADD','worker-1','deployment/web');
INSERT INTO "events" VALUES(17,1795888935895152326,'Bound',X'FD000050000000000000000000000005','db','LEASED','bank','web-7d4b9c8f5-b4c5d','u1','eth0','banknet','d5cca0e96a4145d19ae3d53c2838c8ee','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(18,1795888937937883819,'Unbound',X'0A320015','db','RESERVED','bank','web-7d4b9c8f5-b4c5d','u1','eth0','banknet','d5cca0e96a4145d19ae3d53c2838c8ee','plugin','DEL','worker-1','deployment/web');
INSERT INTO "events" VALUES(19,1795888937937883819,'Unbound',X'FD000050000000000000000000000005','db','FREE','bank','web-7d4b9c8f5-b4c5d','u1','eth0','banknet','d5cca0e96a4145d19ae3d53c2838c8ee','plugin','DEL','worker-1','');
INSERT INTO "events" VALUES(20,1795888939038450422,'Bound',X'0A340002','oldest','LEASED','bank','upstairs','u1','eth0','macnet','509c898b04be4129b81ba74794d2664f','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(21,1795888941077216077,'Bound',X'0A32000C','db','HELD','bank','mysql-1','u1','eth0','banknet','0feed6da1d304c25804fada57717c1e6','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(22,1795888941077216077,'Bound',X'FD000050000000000000000000000005','db','LEASED','bank','mysql-1','u1','eth0','banknet','0feed6da1d304c25804fada57717c1e6','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(23,1795888943146108409,'Moved',X'0A32000C','db','HELD','bank','mysql-1','u2','eth0','banknet','7c5ddb9427024225bf831d9414db644f','plugin','ADD: from container 0feed6da1d304c25804fada57717c1e6 on node worker-1: its network namespace is gone','worker-1','');
INSERT INTO "events" VALUES(24,1795888943146108409,'Moved',X'FD000050000000000000000000000005','db','LEASED','bank','mysql-1','u2','eth0','banknet','7c5ddb9427024225bf831d9414db644f','plugin','ADD: from container 0feed6da1d304c25804fada57717c1e6 on node worker-1: its network namespace is gone','worker-1','');
INSERT INTO "events" VALUES(25,1795888950064025487,'Reserved',X'0A32003C','db','RESERVED','bank','kept','','eth0','','','uid 0 (root)','reserve bank/kept 10.50.0.60','worker-1','');
INSERT INTO "events" VALUES(26,1795888955864003863,'Reserved',X'0A32003D','db','RESERVED','bank','away','','eth0','','','uid 0 (root)','reserve bank/away 10.50.0.61','worker-1','');
INSERT INTO "events" VALUES(27,1795888956844891717,'Bound',X'0A32003C','db','HELD','bank','kept','u1','eth0','banknet','d8af0ecf05b2474cba466544da92516f','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(28,1795888956844891717,'Bound',X'FD000050000000000000000000000006','db','LEASED','bank','kept','u1','eth0','banknet','d8af0ecf05b2474cba466544da92516f','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(29,1795888959358100385,'Released',X'0A32003C','db','LEASED','bank','kept','','eth0','banknet','d8af0ecf05b2474cba466544da92516f','uid 0 (root)','release 10.50.0.60','worker-1','');
INSERT INTO "events" VALUES(30,1795888965211663520,'Reserved',X'0A32003E','db','RESERVED','bank','over','','eth0','','','uid 0 (root)','reserve bank/over 10.50.0.62','worker-1','');
INSERT INTO "events" VALUES(31,1795888970942083591,'Released',X'0A32003E','db','FREE','bank','over','','eth0','','','uid 0 (root)','release 10.50.0.62','worker-1','');
INSERT INTO "events" VALUES(32,1795888972109137426,'Bound',X'0A330002','resting','LEASED','bank','short','u1','eth0','restingnet','331bc831f3b3441091d5438e3f1282cb','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(33,1795888974578390608,'Unbound',X'0A330002','resting','FREE','bank','short','u1','eth0','restingnet','331bc831f3b3441091d5438e3f1282cb','plugin','DEL','worker-1','');
INSERT INTO "events" VALUES(34,1795888974902937140,'Bound',X'0A330003','resting','LEASED','bank','other','u1','eth0','restingnet','7a4e9dcc62e048c8997a8ecd22414f1f','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(35,1795888975045087380,'Unbound',X'0A330003','resting','FREE','bank','other','u1','eth0','restingnet','7a4e9dcc62e048c8997a8ecd22414f1f','plugin','DEL','worker-1','');
INSERT INTO "events" VALUES(36,1795888975199333843,'Reserved',X'0A340003','oldest','RESERVED','bank','sticky','u1','eth0','','','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(37,1795888975199333843,'Bound',X'0A340003','oldest','HELD','bank','sticky','u1','eth0','oldestnet','ffa741adb59d48e581f7dca95c6e0ee1','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(38,1795888975988657114,'Unbound',X'0A340003','oldest','RESERVED','bank','sticky','u1','eth0','oldestnet','ffa741adb59d48e581f7dca95c6e0ee1','plugin','DEL','worker-1','');
INSERT INTO "events" VALUES(39,1795888977205912438,'Bound',X'0A3200C8','db','LEASED','','','','eth0','oldnet','0123456789abcdef','uid 0 (root)','import host-local /var/lib/cni/networks/oldnet','worker-1','');
INSERT INTO "events" VALUES(40,1795888980222466132,'Bound',X'0A320003','db','LEASED','bank','halfway','u1','eth0','banknet','8009e13fb78f447a9467c5084d810de0','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(41,1795888980222466132,'Bound',X'FD000050000000000000000000000007','db','LEASED','bank','halfway','u1','eth0','banknet','8009e13fb78f447a9467c5084d810de0','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(42,1795888981425553096,'Bound',X'0A320004','db','LEASED','bank','leaving','u1','eth0','banknet','68f63b24b01f474daf40707543581a4b','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(43,1795888981425553096,'Bound',X'FD000050000000000000000000000008','db','LEASED','bank','leaving','u1','eth0','banknet','68f63b24b01f474daf40707543581a4b','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(44,1795888982433461444,'Bound',X'0A320005','db','LEASED','bank','intent','u1','eth0','banknet','7091c52255474e7dbd25cf4c7d010d57','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(45,1795888982433461444,'Bound',X'FD000050000000000000000000000009','db','LEASED','bank','intent','u1','eth0','banknet','7091c52255474e7dbd25cf4c7d010d57','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(46,1795888984209445489,'Bound',X'0A320006','db','LEASED','bank','ran','','eth0','runnet','run-0001','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(47,1795888984209445489,'Bound',X'FD00005000000000000000000000000A','db','LEASED','bank','ran','','eth0','runnet','run-0001','plugin','ADD','worker-1','');
CREATE TABLE extents (
    what TEXT NOT NULL, pool TEXT NOT NULL REFERENCES pools, family INTEGER NOT NULL,
    first BLOB NOT NULL, last BLOB NOT NULL,
    PRIMARY KEY (pool, what, family, first)
) STRICT, WITHOUT ROWID;
INSERT INTO "extents" VALUES('free','db',4,X'0A320007',X'0A320009');
INSERT INTO "extents" VALUES('free','db',4,X'0A320064',X'0A3200C7');
INSERT INTO "extents" VALUES('free','db',4,X'0A3200C9',X'0A3200FE');
INSERT INTO "extents" VALUES('free','db',6,X'FD00005000000000000000000000000B',X'FD00005000000000000000000000002F');
INSERT INTO "extents" VALUES('free','db',6,X'FD000050000000000000000000000031',X'FD00005000000000FFFFFFFFFFFFFFFF');
INSERT INTO "extents" VALUES('offered','db',4,X'0A320002',X'0A320009');
INSERT INTO "extents" VALUES('offered','db',4,X'0A320064',X'0A3200FE');
INSERT INTO "extents" VALUES('offered','db',6,X'FD000050000000000000000000000002',X'FD00005000000000FFFFFFFFFFFFFFFF');
INSERT INTO "extents" VALUES('usable','db',4,X'0A320002',X'0A3200FE');
INSERT INTO "extents" VALUES('usable','db',6,X'FD000050000000000000000000000002',X'FD00005000000000FFFFFFFFFFFFFFFF');
INSERT INTO "extents" VALUES('free','oldest',4,X'0A340004',X'0A34000E');
INSERT INTO "extents" VALUES('offered','oldest',4,X'0A340002',X'0A34000E');
INSERT INTO "extents" VALUES('usable','oldest',4,X'0A340002',X'0A34000E');
INSERT INTO "extents" VALUES('free','resting',4,X'0A330004',X'0A330006');
INSERT INTO "extents" VALUES('offered','resting',4,X'0A330002',X'0A330006');
INSERT INTO "extents" VALUES('usable','resting',4,X'0A330002',X'0A330006');
CREATE TABLE followed (
    directory TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, failure TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE leases (
    address BLOB PRIMARY KEY, family INTEGER NOT NULL, pool TEXT NOT NULL REFERENCES pools,
    network TEXT NOT NULL, container_id TEXT NOT NULL, ifname TEXT NOT NULL,
    namespace TEXT NOT NULL, pod TEXT NOT NULL, uid TEXT NOT NULL,
    netns TEXT NOT NULL, node TEXT NOT NULL, since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "leases" VALUES(X'0A320002',4,'db','banknet','479fc1122f4049839a0c5bf61199b437','eth0','bank','batch','u1','/var/run/netns/pod3-d49bca86','worker-1',1795888932711903586);
INSERT INTO "leases" VALUES(X'0A320003',4,'db','banknet','8009e13fb78f447a9467c5084d810de0','eth0','bank','halfway','u1','/var/run/netns/pod13-c51067d1','worker-1',1795888980222466132);
INSERT INTO "leases" VALUES(X'0A320004',4,'db','banknet','68f63b24b01f474daf40707543581a4b','eth0','bank','leaving','u1','/var/run/netns/pod14-5ec20471','worker-1',1795888981425553096);
INSERT INTO "leases" VALUES(X'0A320005',4,'db','banknet','7091c52255474e7dbd25cf4c7d010d57','eth0','bank','intent','u1','/var/run/netns/pod12-b904a4d7','worker-1',1795888982433461444);
INSERT INTO "leases" VALUES(X'0A320006',4,'db','runnet','run-0001','eth0','bank','ran','','/run/netns/run-0001','worker-1',1795888984209445489);
INSERT INTO "leases" VALUES(X'0A32000B',4,'db','banknet','23b92675296a42a3958e630bf267522e','eth0','bank','mysql-0','u1','/var/run/netns/pod1-9c064ee9','worker-1',1795888929293183172);
INSERT INTO "leases" VALUES(X'0A32000C',4,'db','banknet','7c5ddb9427024225bf831d9414db644f','eth0','bank','mysql-1','u2','/var/run/netns/pod8-17882891','worker-1',1795888943146108409);
INSERT INTO "leases" VALUES(X'0A320014',4,'db','banknet','45b07f5540344766a30070bdfad5a15e','eth0','bank','web-7d4b9c8f5-x2x9k','u1','/var/run/netns/pod4-28776b65','worker-1',1795888934854461613);
INSERT INTO "leases" VALUES(X'0A32001E',4,'db','banknet','676ae0eac079471481ee045ee06da6e5','eth0','bank','tuned','u1','/var/run/netns/pod2-e64cb605','worker-1',1795888931326651367);
INSERT INTO "leases" VALUES(X'0A32003C',4,'db','banknet','d8af0ecf05b2474cba466544da92516f','eth0','bank','kept','u1','/var/run/netns/pod8-c55b4c4a','worker-1',1795888956844891717);
INSERT INTO "leases" VALUES(X'0A3200C8',4,'db','oldnet','0123456789abcdef','eth0','','','','','worker-1',1795888977205912438);
INSERT INTO "leases" VALUES(X'0A340002',4,'oldest','macnet','509c898b04be4129b81ba74794d2664f','eth0','bank','upstairs','u1','/var/run/netns/pod6-42449b42','worker-1',1795888939038450422);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000002',6,'db','banknet','23b92675296a42a3958e630bf267522e','eth0','bank','mysql-0','u1','/var/run/netns/pod1-9c064ee9','worker-1',1795888929293183172);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000003',6,'db','banknet','479fc1122f4049839a0c5bf61199b437','eth0','bank','batch','u1','/var/run/netns/pod3-d49bca86','worker-1',1795888932711903586);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000004',6,'db','banknet','45b07f5540344766a30070bdfad5a15e','eth0','bank','web-7d4b9c8f5-x2x9k','u1','/var/run/netns/pod4-28776b65','worker-1',1795888934854461613);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000005',6,'db','banknet','7c5ddb9427024225bf831d9414db644f','eth0','bank','mysql-1','u2','/var/run/netns/pod8-17882891','worker-1',1795888943146108409);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000006',6,'db','banknet','d8af0ecf05b2474cba466544da92516f','eth0','bank','kept','u1','/var/run/netns/pod8-c55b4c4a','worker-1',1795888956844891717);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000007',6,'db','banknet','8009e13fb78f447a9467c5084d810de0','eth0','bank','halfway','u1','/var/run/netns/pod13-c51067d1','worker-1',1795888980222466132);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000008',6,'db','banknet','68f63b24b01f474daf40707543581a4b','eth0','bank','leaving','u1','/var/run/netns/pod14-5ec20471','worker-1',1795888981425553096);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000009',6,'db','banknet','7091c52255474e7dbd25cf4c7d010d57','eth0','bank','intent','u1','/var/run/netns/pod12-b904a4d7','worker-1',1795888982433461444);
INSERT INTO "leases" VALUES(X'FD00005000000000000000000000000A',6,'db','runnet','run-0001','eth0','bank','ran','','/run/netns/run-0001','worker-1',1795888984209445489);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000030',6,'db','banknet','676ae0eac079471481ee045ee06da6e5','eth0','bank','tuned','u1','/var/run/netns/pod2-e64cb605','worker-1',1795888931326651367);
CREATE TABLE migrations (
    version INTEGER PRIMARY KEY, time INTEGER NOT NULL, podberth TEXT NOT NULL
) STRICT;
INSERT INTO "migrations" VALUES(1,1795888925588709667,'0.1.0');
INSERT INTO "migrations" VALUES(2,1795888925599616749,'0.1.0');
INSERT INTO "migrations" VALUES(3,1795888925625456383,'0.1.0');
CREATE TABLE pools (
    name TEXT PRIMARY KEY, allocation TEXT NOT NULL, quarantine INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "pools" VALUES('db','lowest',0);
INSERT INTO "pools" VALUES('oldest','leastRecentlyUsed',0);
INSERT INTO "pools" VALUES('resting','lowest',25920000);
CREATE TABLE reservations (
    address BLOB PRIMARY KEY, family INTEGER NOT NULL, pool TEXT NOT NULL REFERENCES pools,
    namespace TEXT NOT NULL, pod TEXT NOT NULL, ifname TEXT NOT NULL,
    origin TEXT NOT NULL, since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "reservations" VALUES(X'0A32000B',4,'db','bank','mysql-0','eth0','declared',1795888925824822319);
INSERT INTO "reservations" VALUES(X'0A32000C',4,'db','bank','mysql-1','eth0','declared',1795888925834400162);
INSERT INTO "reservations" VALUES(X'0A32000D',4,'db','bank','mysql-2','eth0','declared',1795888925836801488);
INSERT INTO "reservations" VALUES(X'0A320014',4,'db','bank','deployment/web','eth0','declared',1795888925838878043);
INSERT INTO "reservations" VALUES(X'0A320015',4,'db','bank','deployment/web','eth0','declared',1795888925838930531);
INSERT INTO "reservations" VALUES(X'0A32001E',4,'db','bank','tuned','eth0','declared',1795888925838965653);
INSERT INTO "reservations" VALUES(X'0A32003D',4,'db','bank','away','eth0','manual',1795888955864003863);
INSERT INTO "reservations" VALUES(X'0A340003',4,'oldest','bank','sticky','eth0','sticky',1795888975199333843);
INSERT INTO "reservations" VALUES(X'FD000050000000000000000000000030',6,'db','bank','tuned','eth0','declared',1795888925838997831);
CREATE TABLE resting (
    address BLOB PRIMARY KEY, pool TEXT NOT NULL REFERENCES pools, family INTEGER NOT NULL,
    until INTEGER NOT NULL, offered INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "resting" VALUES(X'0A330002','resting',4,7258118400000000000,1);
INSERT INTO "resting" VALUES(X'0A330003','resting',4,7258118400000000000,1);
CREATE INDEX resting_of ON resting (pool, family, offered, until);
CREATE INDEX leases_of ON leases (network, container_id, ifname);
CREATE INDEX leases_in ON leases (pool, family);
CREATE INDEX leases_by ON leases (namespace, pod, ifname, pool, family);
CREATE INDEX reservations_of ON reservations (namespace, pod, ifname, pool, family);
CREATE INDEX reservations_in ON reservations (pool, family);
CREATE INDEX events_at ON events (address, time, seq);
CREATE INDEX events_of ON events (namespace, pod, seq);
CREATE TRIGGER events_grow BEFORE INSERT ON events
WHEN EXISTS (SELECT 1 FROM events WHERE seq >= NEW.seq AND NEW.seq > 0)
    OR NEW.time < (SELECT time FROM events ORDER BY seq DESC LIMIT 1)
BEGIN SELECT RAISE(ABORT, 'the ledger only grows'); END;
CREATE TRIGGER events_stay BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'the ledger is never rewritten'); END;
CREATE TRIGGER events_last BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'the ledger is never rewritten'); END;
CREATE INDEX documents_pod ON documents (namespace, pod) WHERE pod IS NOT NULL;
CREATE INDEX documents_set ON documents (namespace, stateful_set) WHERE stateful_set IS NOT NULL;
CREATE INDEX documents_origin ON documents (origin);
CREATE INDEX document_names_of ON document_names (namespace, name);
CREATE UNIQUE INDEX attachments_with ON attachments (device) WHERE device <> '';
CREATE INDEX events_owners ON events (address, time, seq) WHERE kind NOT IN ('Adjusted', 'Conflicted', 'Repaired');
CREATE INDEX documents_deployment ON documents (namespace, deployment) WHERE deployment IS NOT NULL;
CREATE TRIGGER leases_respect BEFORE INSERT ON leases
WHEN EXISTS (
    SELECT 1 FROM reservations WHERE address = NEW.address
    AND NOT ((namespace, ifname) = (NEW.namespace, NEW.ifname) AND (pod = NEW.pod OR (
    substr(pod, 1, 11) = 'deployment/' AND substr(NEW.pod, 1, length(pod) - 10) = substr(pod, 12) || '-'
    AND length(NEW.pod) - length(pod) + 10 BETWEEN 7 AND 16
    AND substr(NEW.pod, length(pod) - 9) GLOB '?*-[bcdfghjklmnpqrstvwxz2456789][bcdfghjklmnpqrstvwxz2456789][bcdfghjklmnpqrstvwxz2456789][bcdfghjklmnpqrstvwxz2456789][bcdfghjklmnpqrstvwxz2456789]'
    AND substr(NEW.pod, length(pod) - 9) NOT GLOB '*[^bcdfghjklmnpqrstvwxz2456789-]*' AND substr(NEW.pod, length(pod) - 9) NOT GLOB '*-*-*'
)))
)
BEGIN SELECT RAISE(ABORT, 'the address is reserved for another pod'); END;
CREATE TRIGGER reservations_respect BEFORE INSERT ON reservations
WHEN EXISTS (
    SELECT 1 FROM leases WHERE address = NEW.address
    AND NOT ((namespace, ifname) = (NEW.namespace, NEW.ifname) AND (pod = NEW.pod OR (
    substr(NEW.pod, 1, 11) = 'deployment/' AND substr(pod, 1, length(NEW.pod) - 10) = substr(NEW.pod, 12) || '-'
    AND length(pod) - length(NEW.pod) + 10 BETWEEN 7 AND 16
    AND substr(pod, length(NEW.pod) - 9) GLOB '?*-[bcdfghjklmnpqrstvwxz2456789][bcdfghjklmnpqrstvwxz2456789][bcdfghjklmnpqrstvwxz2456789][bcdfghjklmnpqrstvwxz2456789][bcdfghjklmnpqrstvwxz2456789]'
    AND substr(pod, length(NEW.pod) - 9) NOT GLOB '*[^bcdfghjklmnpqrstvwxz2456789-]*' AND substr(pod, length(NEW.pod) - 9) NOT GLOB '*-*-*'
)))
)
BEGIN SELECT RAISE(ABORT, 'the address is leased by another pod'); END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',47);
COMMIT;
