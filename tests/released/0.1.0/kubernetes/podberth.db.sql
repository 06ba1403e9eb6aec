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
INSERT INTO "attachments" VALUES('banknet','1048f5dbfa0640acb04a77a70ddc69f9','eth0','bank','web-7d4b9c8f5-x2x9k','u1','/var/run/netns/pod3-44de9e79',4,4026535390,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pbdip4kxp3i1b4","netns":"/var/run/netns/pod3-44de9e79","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"45289"}},{"op":"JoinBridge","link":"pbdip4kxp3i1b4","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pbdip4kxp3i1b4","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod3-44de9e79","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"45289"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod3-44de9e79","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"45289"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod3-44de9e79","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"45289"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod3-44de9e79","ifname":"eth0","before":{"netns":"45289"}},{"op":"AddAddress","netns":"/var/run/netns/pod3-44de9e79","ifname":"eth0","address":"10.50.0.20/24","before":{"netns":"45289"}},{"op":"AddAddress","netns":"/var/run/netns/pod3-44de9e79","ifname":"eth0","address":"fd00:50::4/64","before":{"netns":"45289"}},{"op":"AddRoute","netns":"/var/run/netns/pod3-44de9e79","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"45289"}},{"op":"Announce","netns":"/var/run/netns/pod3-44de9e79","ifname":"eth0","addresses":["10.50.0.20","fd00:50::4"],"before":{"netns":"45289"}}]',1,1795887839756850712,'','');
INSERT INTO "attachments" VALUES('banknet','182cc2986822457ea9da7364cceb3554','eth0','bank','mysql-1','u2','/var/run/netns/pod6-5002e46d',4,4026535751,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pba1adlpcg9v4u","netns":"/var/run/netns/pod6-5002e46d","ifname":"eth0","mac":"02:50:0a:32:00:0c","mtu":null,"before":{"netns":"42515"}},{"op":"JoinBridge","link":"pba1adlpcg9v4u","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pba1adlpcg9v4u","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod6-5002e46d","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"42515"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod6-5002e46d","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"42515"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod6-5002e46d","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"42515"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod6-5002e46d","ifname":"eth0","before":{"netns":"42515"}},{"op":"AddAddress","netns":"/var/run/netns/pod6-5002e46d","ifname":"eth0","address":"10.50.0.12/24","before":{"netns":"42515"}},{"op":"AddAddress","netns":"/var/run/netns/pod6-5002e46d","ifname":"eth0","address":"fd00:50::5/64","before":{"netns":"42515"}},{"op":"AddRoute","netns":"/var/run/netns/pod6-5002e46d","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"42515"}},{"op":"LimitTransmit","netns":null,"ifname":"pba1adlpcg9v4u","mbit":200,"before":{}},{"op":"LimitReceive","netns":null,"ifname":"pba1adlpcg9v4u","ifb":"pia1adlpcg9v4u","mbit":100,"before":{}},{"op":"Announce","netns":"/var/run/netns/pod6-5002e46d","ifname":"eth0","addresses":["10.50.0.12","fd00:50::5"],"before":{"netns":"42515"}}]',1,1795887841690525365,'','');
INSERT INTO "attachments" VALUES('banknet','28528c0f4b094da7a350ac306cfb67c8','eth0','bank','kept','u1','/var/run/netns/pod6-d923dab5',4,4026533258,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb78rz9mcscc1c","netns":"/var/run/netns/pod6-d923dab5","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"42536"}},{"op":"JoinBridge","link":"pb78rz9mcscc1c","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb78rz9mcscc1c","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod6-d923dab5","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"42536"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod6-d923dab5","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"42536"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod6-d923dab5","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"42536"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod6-d923dab5","ifname":"eth0","before":{"netns":"42536"}},{"op":"AddAddress","netns":"/var/run/netns/pod6-d923dab5","ifname":"eth0","address":"10.50.0.60/24","before":{"netns":"42536"}},{"op":"AddAddress","netns":"/var/run/netns/pod6-d923dab5","ifname":"eth0","address":"fd00:50::6/64","before":{"netns":"42536"}},{"op":"AddRoute","netns":"/var/run/netns/pod6-d923dab5","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"42536"}},{"op":"Announce","netns":"/var/run/netns/pod6-d923dab5","ifname":"eth0","addresses":["10.50.0.60","fd00:50::6"],"before":{"netns":"42536"}}]',1,1795887843565712292,'','');
INSERT INTO "attachments" VALUES('banknet','3061d057ac484c99b5d4c4ee03a39123','eth0','bank','mysql-0','u1','/var/run/netns/pod0-e24f1d57',4,4026532177,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb8w6c8cj55hl6","netns":"/var/run/netns/pod0-e24f1d57","ifname":"eth0","mac":"02:50:0a:32:00:0b","mtu":null,"before":{"netns":"45285"}},{"op":"JoinBridge","link":"pb8w6c8cj55hl6","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb8w6c8cj55hl6","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod0-e24f1d57","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"45285"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod0-e24f1d57","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"45285"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod0-e24f1d57","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"45285"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod0-e24f1d57","ifname":"eth0","before":{"netns":"45285"}},{"op":"AddAddress","netns":"/var/run/netns/pod0-e24f1d57","ifname":"eth0","address":"10.50.0.11/24","before":{"netns":"45285"}},{"op":"AddAddress","netns":"/var/run/netns/pod0-e24f1d57","ifname":"eth0","address":"fd00:50::2/64","before":{"netns":"45285"}},{"op":"AddRoute","netns":"/var/run/netns/pod0-e24f1d57","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"45285"}},{"op":"LimitTransmit","netns":null,"ifname":"pb8w6c8cj55hl6","mbit":200,"before":{}},{"op":"LimitReceive","netns":null,"ifname":"pb8w6c8cj55hl6","ifb":"pi8w6c8cj55hl6","mbit":100,"before":{}},{"op":"Announce","netns":"/var/run/netns/pod0-e24f1d57","ifname":"eth0","addresses":["10.50.0.11","fd00:50::2"],"before":{"netns":"45285"}}]',1,1795887837272664151,'','');
INSERT INTO "attachments" VALUES('banknet','36dab52cabea44b6a07d688532990d16','eth0','bank','tuned','u1','/var/run/netns/pod1-e8bd6088',4,4026534604,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb3ijbjm0xxvav","netns":"/var/run/netns/pod1-e8bd6088","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"45287"}},{"op":"JoinBridge","link":"pb3ijbjm0xxvav","bridge":"bank0.200","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb3ijbjm0xxvav","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod1-e8bd6088","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"45287"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod1-e8bd6088","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"45287"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod1-e8bd6088","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"45287"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod1-e8bd6088","key":"net/ipv4/conf/eth0/arp_notify","value":"1","optional":false,"before":{"netns":"45287"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod1-e8bd6088","ifname":"eth0","before":{"netns":"45287"}},{"op":"AddAddress","netns":"/var/run/netns/pod1-e8bd6088","ifname":"eth0","address":"10.50.0.30/24","before":{"netns":"45287"}},{"op":"AddAddress","netns":"/var/run/netns/pod1-e8bd6088","ifname":"eth0","address":"fd00:50::30/64","before":{"netns":"45287"}},{"op":"AddRoute","netns":"/var/run/netns/pod1-e8bd6088","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"45287"}},{"op":"Announce","netns":"/var/run/netns/pod1-e8bd6088","ifname":"eth0","addresses":["10.50.0.30","fd00:50::30"],"before":{"netns":"45287"}}]',1,1795887838656880802,'','');
INSERT INTO "attachments" VALUES('banknet','54477a47f84c4beea11d6de92cd31de3','eth0','bank','batch','u1','/var/run/netns/pod2-fcaa9534',4,4026535253,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb6u0s6pbiro4m","netns":"/var/run/netns/pod2-fcaa9534","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"45288"}},{"op":"JoinBridge","link":"pb6u0s6pbiro4m","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb6u0s6pbiro4m","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod2-fcaa9534","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"45288"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod2-fcaa9534","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"45288"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod2-fcaa9534","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"45288"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod2-fcaa9534","ifname":"eth0","before":{"netns":"45288"}},{"op":"AddAddress","netns":"/var/run/netns/pod2-fcaa9534","ifname":"eth0","address":"10.50.0.2/24","before":{"netns":"45288"}},{"op":"AddAddress","netns":"/var/run/netns/pod2-fcaa9534","ifname":"eth0","address":"fd00:50::3/64","before":{"netns":"45288"}},{"op":"AddRoute","netns":"/var/run/netns/pod2-fcaa9534","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"45288"}},{"op":"Announce","netns":"/var/run/netns/pod2-fcaa9534","ifname":"eth0","addresses":["10.50.0.2","fd00:50::3"],"before":{"netns":"45288"}}]',1,1795887839179954748,'','');
INSERT INTO "attachments" VALUES('banknet','5ed19534c60b42d69753d93659c6f9b1','eth0','bank','halfway','u1','/var/run/netns/pod11-1eb5dd4d',4,4026536600,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb325bwlfp949u","netns":"/var/run/netns/pod11-1eb5dd4d","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"45349"}},{"op":"JoinBridge","link":"pb325bwlfp949u","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb325bwlfp949u","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod11-1eb5dd4d","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"45349"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod11-1eb5dd4d","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"45349"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod11-1eb5dd4d","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"45349"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod11-1eb5dd4d","ifname":"eth0","before":{"netns":"45349"}},{"op":"AddAddress","netns":"/var/run/netns/pod11-1eb5dd4d","ifname":"eth0","address":"10.50.0.3/24","before":{"netns":"45349"}},{"op":"AddAddress","netns":"/var/run/netns/pod11-1eb5dd4d","ifname":"eth0","address":"fd00:50::7/64","before":{"netns":"45349"}},{"op":"AddRoute","netns":"/var/run/netns/pod11-1eb5dd4d","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"45349"}},{"op":"Announce","netns":"/var/run/netns/pod11-1eb5dd4d","ifname":"eth0","addresses":["10.50.0.3","fd00:50::7"],"before":{"netns":"45349"}}]',1,1795887851450855270,'','');
INSERT INTO "attachments" VALUES('banknet','6be4292562154e92a50ab9619e28e643','eth0','bank','leaving','u1','/var/run/netns/pod12-d5888f91',4,4026535277,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pbbwrizig93h8f","netns":"/var/run/netns/pod12-d5888f91","ifname":"pg2","mac":null,"mtu":null,"before":{"netns":"45351"}},{"op":"JoinBridge","link":"pbbwrizig93h8f","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pbbwrizig93h8f","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod12-d5888f91","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"45351"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod12-d5888f91","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"45351"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod12-d5888f91","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"45351"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod12-d5888f91","ifname":"pg2","before":{"netns":"45351"}},{"op":"Announce","netns":"/var/run/netns/pod12-d5888f91","ifname":"pg2","addresses":["10.50.0.4","fd00:50::8"],"before":{"netns":"45351"}}]',2,1795887852447714867,'','');
INSERT INTO "attachments" VALUES('banknet','89adcdadbeca4719b87d9ed684a914d6','eth0','bank','intent','u1','/var/run/netns/pod10-dfd74784',4,4026535275,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb9pyjo5k08cjl","netns":"/var/run/netns/pod10-dfd74784","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"42583"}},{"op":"JoinBridge","link":"pb9pyjo5k08cjl","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb9pyjo5k08cjl","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod10-dfd74784","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"42583"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod10-dfd74784","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"42583"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod10-dfd74784","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"42583"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod10-dfd74784","ifname":"eth0","before":{"netns":"42583"}},{"op":"AddAddress","netns":"/var/run/netns/pod10-dfd74784","ifname":"eth0","address":"10.50.0.5/24","before":{"netns":"42583"}},{"op":"AddAddress","netns":"/var/run/netns/pod10-dfd74784","ifname":"eth0","address":"fd00:50::9/64","before":{"netns":"42583"}},{"op":"AddRoute","netns":"/var/run/netns/pod10-dfd74784","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"42583"}},{"op":"Announce","netns":"/var/run/netns/pod10-dfd74784","ifname":"eth0","addresses":["10.50.0.5","fd00:50::9"],"before":{"netns":"42583"}}]',0,1795887853533220788,'','');
CREATE TABLE device_labels (
    device TEXT NOT NULL, label TEXT NOT NULL,
    PRIMARY KEY (device, label)
) STRICT, WITHOUT ROWID;
CREATE TABLE document_names (
    what TEXT NOT NULL, named TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (what, named, namespace, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE documents (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    pod TEXT, stateful_set TEXT,
    body TEXT NOT NULL, source TEXT NOT NULL, origin TEXT NOT NULL, generation INTEGER NOT NULL, deployment TEXT,
    PRIMARY KEY (kind, namespace, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT CHECK (seq > 0), time INTEGER NOT NULL, kind TEXT NOT NULL,
    address BLOB NOT NULL, pool TEXT NOT NULL, state TEXT NOT NULL,
    namespace TEXT NOT NULL, pod TEXT NOT NULL, uid TEXT NOT NULL, ifname TEXT NOT NULL,
    network TEXT NOT NULL, container_id TEXT NOT NULL,
    who TEXT NOT NULL, why TEXT NOT NULL, node TEXT NOT NULL
, owner TEXT NOT NULL DEFAULT '') STRICT;
CREATE TABLE extents (
    what TEXT NOT NULL, pool TEXT NOT NULL REFERENCES pools, family INTEGER NOT NULL,
    first BLOB NOT NULL, last BLOB NOT NULL,
    PRIMARY KEY (pool, what, family, first)
) STRICT, WITHOUT ROWID;
CREATE TABLE followed (
    directory TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, failure TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE leases (
    address BLOB PRIMARY KEY, family INTEGER NOT NULL, pool TEXT NOT NULL REFERENCES pools,
    network TEXT NOT NULL, container_id TEXT NOT NULL, ifname TEXT NOT NULL,
    namespace TEXT NOT NULL, pod TEXT NOT NULL, uid TEXT NOT NULL,
    netns TEXT NOT NULL, node TEXT NOT NULL, since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE migrations (
    version INTEGER PRIMARY KEY, time INTEGER NOT NULL, podberth TEXT NOT NULL
) STRICT;
INSERT INTO "migrations" VALUES(1,1795887836525000010,'0.1.0');
INSERT INTO "migrations" VALUES(2,1795887836525787516,'0.1.0');
INSERT INTO "migrations" VALUES(3,1795887836527015654,'0.1.0');
CREATE TABLE pools (
    name TEXT PRIMARY KEY, allocation TEXT NOT NULL, quarantine INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE reservations (
    address BLOB PRIMARY KEY, family INTEGER NOT NULL, pool TEXT NOT NULL REFERENCES pools,
    namespace TEXT NOT NULL, pod TEXT NOT NULL, ifname TEXT NOT NULL,
    origin TEXT NOT NULL, since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE resting (
    address BLOB PRIMARY KEY, pool TEXT NOT NULL REFERENCES pools, family INTEGER NOT NULL,
    until INTEGER NOT NULL, offered INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
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
COMMIT;
