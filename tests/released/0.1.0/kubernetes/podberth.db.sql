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
INSERT INTO "attachments" VALUES('banknet','02d229e524004768af46d1c1568837f2','eth0','bank','mysql-1','u2','/var/run/netns/pod6-57f3fa0f',4,4026533664,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pbg7l9dmwht28k","netns":"/var/run/netns/pod6-57f3fa0f","ifname":"eth0","mac":"02:50:0a:32:00:0c","mtu":null,"before":{"netns":"44727"}},{"op":"JoinBridge","link":"pbg7l9dmwht28k","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pbg7l9dmwht28k","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod6-57f3fa0f","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"44727"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod6-57f3fa0f","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"44727"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod6-57f3fa0f","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"44727"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod6-57f3fa0f","ifname":"eth0","before":{"netns":"44727"}},{"op":"AddAddress","netns":"/var/run/netns/pod6-57f3fa0f","ifname":"eth0","address":"10.50.0.12/24","before":{"netns":"44727"}},{"op":"AddAddress","netns":"/var/run/netns/pod6-57f3fa0f","ifname":"eth0","address":"fd00:50::5/64","before":{"netns":"44727"}},{"op":"AddRoute","netns":"/var/run/netns/pod6-57f3fa0f","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"44727"}},{"op":"LimitTransmit","netns":null,"ifname":"pbg7l9dmwht28k","mbit":200,"before":{}},{"op":"LimitReceive","netns":null,"ifname":"pbg7l9dmwht28k","ifb":"pig7l9dmwht28k","mbit":100,"before":{}},{"op":"Announce","netns":"/var/run/netns/pod6-57f3fa0f","ifname":"eth0","addresses":["10.50.0.12","fd00:50::5"],"before":{"netns":"44727"}}]',1,1795889026063497588,'','');
INSERT INTO "attachments" VALUES('banknet','18e1c6fc634e486c954274c504787e8e','eth0','bank','tuned','u1','/var/run/netns/pod1-1502ab6d',4,4026532864,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb36zelujl71vt","netns":"/var/run/netns/pod1-1502ab6d","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"44656"}},{"op":"JoinBridge","link":"pb36zelujl71vt","bridge":"bank0.200","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb36zelujl71vt","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod1-1502ab6d","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"44656"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod1-1502ab6d","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"44656"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod1-1502ab6d","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"44656"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod1-1502ab6d","key":"net/ipv4/conf/eth0/arp_notify","value":"1","optional":false,"before":{"netns":"44656"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod1-1502ab6d","ifname":"eth0","before":{"netns":"44656"}},{"op":"AddAddress","netns":"/var/run/netns/pod1-1502ab6d","ifname":"eth0","address":"10.50.0.30/24","before":{"netns":"44656"}},{"op":"AddAddress","netns":"/var/run/netns/pod1-1502ab6d","ifname":"eth0","address":"fd00:50::30/64","before":{"netns":"44656"}},{"op":"AddRoute","netns":"/var/run/netns/pod1-1502ab6d","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"44656"}},{"op":"Announce","netns":"/var/run/netns/pod1-1502ab6d","ifname":"eth0","addresses":["10.50.0.30","fd00:50::30"],"before":{"netns":"44656"}}]',1,1795889018908804860,'','');
INSERT INTO "attachments" VALUES('banknet','1ca61fc792f4484d9db595d7bea360b7','eth0','bank','leaving','u1','/var/run/netns/pod12-c19843e5',4,4026534575,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb9yff04i40zwf","netns":"/var/run/netns/pod12-c19843e5","ifname":"pg2","mac":null,"mtu":null,"before":{"netns":"47744"}},{"op":"JoinBridge","link":"pb9yff04i40zwf","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb9yff04i40zwf","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod12-c19843e5","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"47744"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod12-c19843e5","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"47744"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod12-c19843e5","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"47744"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod12-c19843e5","ifname":"pg2","before":{"netns":"47744"}},{"op":"Announce","netns":"/var/run/netns/pod12-c19843e5","ifname":"pg2","addresses":["10.50.0.4","fd00:50::8"],"before":{"netns":"47744"}}]',2,1795889034740205111,'','');
INSERT INTO "attachments" VALUES('banknet','29bc5e5c5d5141e38410b4c32afae929','eth0','bank','halfway','u1','/var/run/netns/pod11-3bb4c462',4,4026534506,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb1x8mp34io47r","netns":"/var/run/netns/pod11-3bb4c462","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"47743"}},{"op":"JoinBridge","link":"pb1x8mp34io47r","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb1x8mp34io47r","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod11-3bb4c462","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"47743"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod11-3bb4c462","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"47743"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod11-3bb4c462","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"47743"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod11-3bb4c462","ifname":"eth0","before":{"netns":"47743"}},{"op":"AddAddress","netns":"/var/run/netns/pod11-3bb4c462","ifname":"eth0","address":"10.50.0.3/24","before":{"netns":"47743"}},{"op":"AddAddress","netns":"/var/run/netns/pod11-3bb4c462","ifname":"eth0","address":"fd00:50::7/64","before":{"netns":"47743"}},{"op":"AddRoute","netns":"/var/run/netns/pod11-3bb4c462","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"47743"}},{"op":"Announce","netns":"/var/run/netns/pod11-3bb4c462","ifname":"eth0","addresses":["10.50.0.3","fd00:50::7"],"before":{"netns":"47743"}}]',1,1795889034440076352,'','');
INSERT INTO "attachments" VALUES('banknet','68f0febaae0b4b4e9e4268f1da52abb2','eth0','bank','mysql-0','u1','/var/run/netns/pod0-7b659e9b',4,4026532178,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pbejugioz08lgd","netns":"/var/run/netns/pod0-7b659e9b","ifname":"eth0","mac":"02:50:0a:32:00:0b","mtu":null,"before":{"netns":"47600"}},{"op":"JoinBridge","link":"pbejugioz08lgd","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pbejugioz08lgd","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod0-7b659e9b","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"47600"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod0-7b659e9b","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"47600"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod0-7b659e9b","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"47600"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod0-7b659e9b","ifname":"eth0","before":{"netns":"47600"}},{"op":"AddAddress","netns":"/var/run/netns/pod0-7b659e9b","ifname":"eth0","address":"10.50.0.11/24","before":{"netns":"47600"}},{"op":"AddAddress","netns":"/var/run/netns/pod0-7b659e9b","ifname":"eth0","address":"fd00:50::2/64","before":{"netns":"47600"}},{"op":"AddRoute","netns":"/var/run/netns/pod0-7b659e9b","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"47600"}},{"op":"LimitTransmit","netns":null,"ifname":"pbejugioz08lgd","mbit":200,"before":{}},{"op":"LimitReceive","netns":null,"ifname":"pbejugioz08lgd","ifb":"piejugioz08lgd","mbit":100,"before":{}},{"op":"Announce","netns":"/var/run/netns/pod0-7b659e9b","ifname":"eth0","addresses":["10.50.0.11","fd00:50::2"],"before":{"netns":"47600"}}]',1,1795889018169712702,'','');
INSERT INTO "attachments" VALUES('banknet','8d1a3e793db54f38866889e510b637bb','eth0','bank','web-7d4b9c8f5-x2x9k','u1','/var/run/netns/pod3-c839ca52',4,4026533089,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb0ikjb8qwxmsy","netns":"/var/run/netns/pod3-c839ca52","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"47602"}},{"op":"JoinBridge","link":"pb0ikjb8qwxmsy","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb0ikjb8qwxmsy","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod3-c839ca52","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"47602"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod3-c839ca52","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"47602"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod3-c839ca52","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"47602"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod3-c839ca52","ifname":"eth0","before":{"netns":"47602"}},{"op":"AddAddress","netns":"/var/run/netns/pod3-c839ca52","ifname":"eth0","address":"10.50.0.20/24","before":{"netns":"47602"}},{"op":"AddAddress","netns":"/var/run/netns/pod3-c839ca52","ifname":"eth0","address":"fd00:50::4/64","before":{"netns":"47602"}},{"op":"AddRoute","netns":"/var/run/netns/pod3-c839ca52","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"47602"}},{"op":"Announce","netns":"/var/run/netns/pod3-c839ca52","ifname":"eth0","addresses":["10.50.0.20","fd00:50::4"],"before":{"netns":"47602"}}]',1,1795889022432232953,'','');
INSERT INTO "attachments" VALUES('banknet','a7c5f7db65074e8a836f78cfdfbb495c','eth0','bank','batch','u1','/var/run/netns/pod2-9ea67a7e',4,4026532999,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pbc83lea9n0xwa","netns":"/var/run/netns/pod2-9ea67a7e","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"47601"}},{"op":"JoinBridge","link":"pbc83lea9n0xwa","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pbc83lea9n0xwa","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod2-9ea67a7e","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"47601"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod2-9ea67a7e","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"47601"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod2-9ea67a7e","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"47601"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod2-9ea67a7e","ifname":"eth0","before":{"netns":"47601"}},{"op":"AddAddress","netns":"/var/run/netns/pod2-9ea67a7e","ifname":"eth0","address":"10.50.0.2/24","before":{"netns":"47601"}},{"op":"AddAddress","netns":"/var/run/netns/pod2-9ea67a7e","ifname":"eth0","address":"fd00:50::3/64","before":{"netns":"47601"}},{"op":"AddRoute","netns":"/var/run/netns/pod2-9ea67a7e","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"47601"}},{"op":"Announce","netns":"/var/run/netns/pod2-9ea67a7e","ifname":"eth0","addresses":["10.50.0.2","fd00:50::3"],"before":{"netns":"47601"}}]',1,1795889021471081494,'','');
INSERT INTO "attachments" VALUES('banknet','afdb39b0b49b43e588c0e63aa3836a67','eth0','bank','kept','u1','/var/run/netns/pod6-937dbcb3',4,4026532190,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pbaraepuvqkh5z","netns":"/var/run/netns/pod6-937dbcb3","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"47707"}},{"op":"JoinBridge","link":"pbaraepuvqkh5z","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pbaraepuvqkh5z","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod6-937dbcb3","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"47707"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod6-937dbcb3","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"47707"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod6-937dbcb3","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"47707"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod6-937dbcb3","ifname":"eth0","before":{"netns":"47707"}},{"op":"AddAddress","netns":"/var/run/netns/pod6-937dbcb3","ifname":"eth0","address":"10.50.0.60/24","before":{"netns":"47707"}},{"op":"AddAddress","netns":"/var/run/netns/pod6-937dbcb3","ifname":"eth0","address":"fd00:50::6/64","before":{"netns":"47707"}},{"op":"AddRoute","netns":"/var/run/netns/pod6-937dbcb3","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"47707"}},{"op":"Announce","netns":"/var/run/netns/pod6-937dbcb3","ifname":"eth0","addresses":["10.50.0.60","fd00:50::6"],"before":{"netns":"47707"}}]',1,1795889029777033366,'','');
INSERT INTO "attachments" VALUES('banknet','cffd4c6483b64113b48b729bf4b592c7','eth0','bank','intent','u1','/var/run/netns/pod10-0f8f498a',4,4026534301,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb00ufct7h0q3a","netns":"/var/run/netns/pod10-0f8f498a","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"44800"}},{"op":"JoinBridge","link":"pb00ufct7h0q3a","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb00ufct7h0q3a","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod10-0f8f498a","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"44800"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod10-0f8f498a","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"44800"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod10-0f8f498a","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"44800"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod10-0f8f498a","ifname":"eth0","before":{"netns":"44800"}},{"op":"AddAddress","netns":"/var/run/netns/pod10-0f8f498a","ifname":"eth0","address":"10.50.0.5/24","before":{"netns":"44800"}},{"op":"AddAddress","netns":"/var/run/netns/pod10-0f8f498a","ifname":"eth0","address":"fd00:50::9/64","before":{"netns":"44800"}},{"op":"AddRoute","netns":"/var/run/netns/pod10-0f8f498a","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"44800"}},{"op":"Announce","netns":"/var/run/netns/pod10-0f8f498a","ifname":"eth0","addresses":["10.50.0.5","fd00:50::9"],"before":{"netns":"44800"}}]',0,1795889035069041851,'','');
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
INSERT INTO "migrations" VALUES(1,1795889016600891519,'0.1.0');
INSERT INTO "migrations" VALUES(2,1795889016601360864,'0.1.0');
INSERT INTO "migrations" VALUES(3,1795889016601885071,'0.1.0');
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
