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
INSERT INTO "attachments" VALUES('banknet','42732fb84c17419fa556bb0c0ba0ff65','eth0','bank','tuned','u1','/var/run/netns/pod1-548aba82',4,4026532739,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb7h4kaxjsz0ji","netns":"/var/run/netns/pod1-548aba82","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"47346"}},{"op":"JoinBridge","link":"pb7h4kaxjsz0ji","bridge":"bank0.200","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb7h4kaxjsz0ji","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod1-548aba82","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"47346"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod1-548aba82","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"47346"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod1-548aba82","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"47346"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod1-548aba82","key":"net/ipv4/conf/eth0/arp_notify","value":"1","optional":false,"before":{"netns":"47346"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod1-548aba82","ifname":"eth0","before":{"netns":"47346"}},{"op":"AddAddress","netns":"/var/run/netns/pod1-548aba82","ifname":"eth0","address":"10.50.0.30/24","before":{"netns":"47346"}},{"op":"AddAddress","netns":"/var/run/netns/pod1-548aba82","ifname":"eth0","address":"fd00:50::30/64","before":{"netns":"47346"}},{"op":"AddRoute","netns":"/var/run/netns/pod1-548aba82","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"47346"}},{"op":"Announce","netns":"/var/run/netns/pod1-548aba82","ifname":"eth0","addresses":["10.50.0.30","fd00:50::30"],"before":{"netns":"47346"}}]',1,1795888989159280634,'','');
INSERT INTO "attachments" VALUES('banknet','5b9ddb719eb34acea85c4155b58601db','eth0','bank','intent','u1','/var/run/netns/pod10-10b8b332',4,4026532547,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb2z1fqdxb0kta","netns":"/var/run/netns/pod10-10b8b332","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"47422"}},{"op":"JoinBridge","link":"pb2z1fqdxb0kta","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb2z1fqdxb0kta","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod10-10b8b332","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"47422"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod10-10b8b332","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"47422"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod10-10b8b332","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"47422"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod10-10b8b332","ifname":"eth0","before":{"netns":"47422"}},{"op":"AddAddress","netns":"/var/run/netns/pod10-10b8b332","ifname":"eth0","address":"10.50.0.5/24","before":{"netns":"47422"}},{"op":"AddAddress","netns":"/var/run/netns/pod10-10b8b332","ifname":"eth0","address":"fd00:50::9/64","before":{"netns":"47422"}},{"op":"AddRoute","netns":"/var/run/netns/pod10-10b8b332","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"47422"}},{"op":"Announce","netns":"/var/run/netns/pod10-10b8b332","ifname":"eth0","addresses":["10.50.0.5","fd00:50::9"],"before":{"netns":"47422"}}]',0,1795888997026287687,'','');
INSERT INTO "attachments" VALUES('banknet','80850da461d34abfaf435e5f228fd3d8','eth0','bank','leaving','u1','/var/run/netns/pod12-7090a566',4,4026535398,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pbewaqv4oi0hgt","netns":"/var/run/netns/pod12-7090a566","ifname":"pg2","mac":null,"mtu":null,"before":{"netns":"47424"}},{"op":"JoinBridge","link":"pbewaqv4oi0hgt","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pbewaqv4oi0hgt","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod12-7090a566","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"47424"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod12-7090a566","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"47424"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod12-7090a566","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"47424"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod12-7090a566","ifname":"pg2","before":{"netns":"47424"}},{"op":"Announce","netns":"/var/run/netns/pod12-7090a566","ifname":"pg2","addresses":["10.50.0.4","fd00:50::8"],"before":{"netns":"47424"}}]',2,1795888996646217614,'','');
INSERT INTO "attachments" VALUES('banknet','86823fdac35c4d8bb51f9cc3b7b2e7b6','eth0','bank','mysql-1','u2','/var/run/netns/pod6-ab6cc26e',4,4026533108,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb6u1goc297yjf","netns":"/var/run/netns/pod6-ab6cc26e","ifname":"eth0","mac":"02:50:0a:32:00:0c","mtu":null,"before":{"netns":"47360"}},{"op":"JoinBridge","link":"pb6u1goc297yjf","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb6u1goc297yjf","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod6-ab6cc26e","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"47360"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod6-ab6cc26e","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"47360"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod6-ab6cc26e","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"47360"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod6-ab6cc26e","ifname":"eth0","before":{"netns":"47360"}},{"op":"AddAddress","netns":"/var/run/netns/pod6-ab6cc26e","ifname":"eth0","address":"10.50.0.12/24","before":{"netns":"47360"}},{"op":"AddAddress","netns":"/var/run/netns/pod6-ab6cc26e","ifname":"eth0","address":"fd00:50::5/64","before":{"netns":"47360"}},{"op":"AddRoute","netns":"/var/run/netns/pod6-ab6cc26e","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"47360"}},{"op":"LimitTransmit","netns":null,"ifname":"pb6u1goc297yjf","mbit":200,"before":{}},{"op":"LimitReceive","netns":null,"ifname":"pb6u1goc297yjf","ifb":"pi6u1goc297yjf","mbit":100,"before":{}},{"op":"Announce","netns":"/var/run/netns/pod6-ab6cc26e","ifname":"eth0","addresses":["10.50.0.12","fd00:50::5"],"before":{"netns":"47360"}}]',1,1795888989994548251,'','');
INSERT INTO "attachments" VALUES('banknet','a87db60b1b844ed2a33385dbe5bef3d1','eth0','bank','web-7d4b9c8f5-x2x9k','u1','/var/run/netns/pod3-f17d2825',4,4026532883,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pbf1y4dlzu4lli","netns":"/var/run/netns/pod3-f17d2825","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"47348"}},{"op":"JoinBridge","link":"pbf1y4dlzu4lli","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pbf1y4dlzu4lli","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod3-f17d2825","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"47348"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod3-f17d2825","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"47348"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod3-f17d2825","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"47348"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod3-f17d2825","ifname":"eth0","before":{"netns":"47348"}},{"op":"AddAddress","netns":"/var/run/netns/pod3-f17d2825","ifname":"eth0","address":"10.50.0.20/24","before":{"netns":"47348"}},{"op":"AddAddress","netns":"/var/run/netns/pod3-f17d2825","ifname":"eth0","address":"fd00:50::4/64","before":{"netns":"47348"}},{"op":"AddRoute","netns":"/var/run/netns/pod3-f17d2825","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"47348"}},{"op":"Announce","netns":"/var/run/netns/pod3-f17d2825","ifname":"eth0","addresses":["10.50.0.20","fd00:50::4"],"before":{"netns":"47348"}}]',1,1795888989418611574,'','');
INSERT INTO "attachments" VALUES('banknet','bce868c850ed4fd4a348c0e38d9a4a92','eth0','bank','halfway','u1','/var/run/netns/pod11-d8377cc6',4,4026535329,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb3ujqxx5b5rjg","netns":"/var/run/netns/pod11-d8377cc6","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"47423"}},{"op":"JoinBridge","link":"pb3ujqxx5b5rjg","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb3ujqxx5b5rjg","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod11-d8377cc6","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"47423"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod11-d8377cc6","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"47423"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod11-d8377cc6","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"47423"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod11-d8377cc6","ifname":"eth0","before":{"netns":"47423"}},{"op":"AddAddress","netns":"/var/run/netns/pod11-d8377cc6","ifname":"eth0","address":"10.50.0.3/24","before":{"netns":"47423"}},{"op":"AddAddress","netns":"/var/run/netns/pod11-d8377cc6","ifname":"eth0","address":"fd00:50::7/64","before":{"netns":"47423"}},{"op":"AddRoute","netns":"/var/run/netns/pod11-d8377cc6","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"47423"}},{"op":"Announce","netns":"/var/run/netns/pod11-d8377cc6","ifname":"eth0","addresses":["10.50.0.3","fd00:50::7"],"before":{"netns":"47423"}}]',1,1795888996574292219,'','');
INSERT INTO "attachments" VALUES('banknet','d2521dbb54da4626aa7f9c91af96d995','eth0','bank','kept','u1','/var/run/netns/pod6-92e2bc02',4,4026532400,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb43itew37q13r","netns":"/var/run/netns/pod6-92e2bc02","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"44471"}},{"op":"JoinBridge","link":"pb43itew37q13r","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb43itew37q13r","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod6-92e2bc02","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"44471"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod6-92e2bc02","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"44471"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod6-92e2bc02","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"44471"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod6-92e2bc02","ifname":"eth0","before":{"netns":"44471"}},{"op":"AddAddress","netns":"/var/run/netns/pod6-92e2bc02","ifname":"eth0","address":"10.50.0.60/24","before":{"netns":"44471"}},{"op":"AddAddress","netns":"/var/run/netns/pod6-92e2bc02","ifname":"eth0","address":"fd00:50::6/64","before":{"netns":"44471"}},{"op":"AddRoute","netns":"/var/run/netns/pod6-92e2bc02","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"44471"}},{"op":"Announce","netns":"/var/run/netns/pod6-92e2bc02","ifname":"eth0","addresses":["10.50.0.60","fd00:50::6"],"before":{"netns":"44471"}}]',1,1795888991492265452,'','');
INSERT INTO "attachments" VALUES('banknet','d3b93191ee2b47158688e3aa4ded1d2b','eth0','bank','batch','u1','/var/run/netns/pod2-1725df99',4,4026532812,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb0lbmnwmbht8k","netns":"/var/run/netns/pod2-1725df99","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"47347"}},{"op":"JoinBridge","link":"pb0lbmnwmbht8k","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb0lbmnwmbht8k","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod2-1725df99","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"47347"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod2-1725df99","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"47347"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod2-1725df99","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"47347"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod2-1725df99","ifname":"eth0","before":{"netns":"47347"}},{"op":"AddAddress","netns":"/var/run/netns/pod2-1725df99","ifname":"eth0","address":"10.50.0.2/24","before":{"netns":"47347"}},{"op":"AddAddress","netns":"/var/run/netns/pod2-1725df99","ifname":"eth0","address":"fd00:50::3/64","before":{"netns":"47347"}},{"op":"AddRoute","netns":"/var/run/netns/pod2-1725df99","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"47347"}},{"op":"Announce","netns":"/var/run/netns/pod2-1725df99","ifname":"eth0","addresses":["10.50.0.2","fd00:50::3"],"before":{"netns":"47347"}}]',1,1795888989299431443,'','');
INSERT INTO "attachments" VALUES('banknet','d7bc7b09a6b04b23878fea23c59e13f8','eth0','bank','mysql-0','u1','/var/run/netns/pod0-81123fe4',4,4026532177,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb76l33uon2hmb","netns":"/var/run/netns/pod0-81123fe4","ifname":"eth0","mac":"02:50:0a:32:00:0b","mtu":null,"before":{"netns":"47345"}},{"op":"JoinBridge","link":"pb76l33uon2hmb","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb76l33uon2hmb","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod0-81123fe4","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"47345"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod0-81123fe4","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"47345"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod0-81123fe4","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"47345"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod0-81123fe4","ifname":"eth0","before":{"netns":"47345"}},{"op":"AddAddress","netns":"/var/run/netns/pod0-81123fe4","ifname":"eth0","address":"10.50.0.11/24","before":{"netns":"47345"}},{"op":"AddAddress","netns":"/var/run/netns/pod0-81123fe4","ifname":"eth0","address":"fd00:50::2/64","before":{"netns":"47345"}},{"op":"AddRoute","netns":"/var/run/netns/pod0-81123fe4","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"47345"}},{"op":"LimitTransmit","netns":null,"ifname":"pb76l33uon2hmb","mbit":200,"before":{}},{"op":"LimitReceive","netns":null,"ifname":"pb76l33uon2hmb","ifb":"pi76l33uon2hmb","mbit":100,"before":{}},{"op":"Announce","netns":"/var/run/netns/pod0-81123fe4","ifname":"eth0","addresses":["10.50.0.11","fd00:50::2"],"before":{"netns":"47345"}}]',1,1795888989026488512,'','');
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
INSERT INTO "migrations" VALUES(1,1795888988027774384,'0.1.0');
INSERT INTO "migrations" VALUES(2,1795888988028358960,'0.1.0');
INSERT INTO "migrations" VALUES(3,1795888988028973760,'0.1.0');
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
