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
INSERT INTO "attachments" VALUES('banknet','0515ddb996054d87919ad2e4e9fc12fb','eth0','bank','web-7d4b9c8f5-x2x9k','u1','/var/run/netns/pod3-0d93bcbd',4,4026535400,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pbew65kjmk6umm","netns":"/var/run/netns/pod3-0d93bcbd","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"42361"}},{"op":"JoinBridge","link":"pbew65kjmk6umm","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pbew65kjmk6umm","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod3-0d93bcbd","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"42361"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod3-0d93bcbd","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"42361"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod3-0d93bcbd","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"42361"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod3-0d93bcbd","ifname":"eth0","before":{"netns":"42361"}},{"op":"AddAddress","netns":"/var/run/netns/pod3-0d93bcbd","ifname":"eth0","address":"10.50.0.20/24","before":{"netns":"42361"}},{"op":"AddAddress","netns":"/var/run/netns/pod3-0d93bcbd","ifname":"eth0","address":"fd00:50::4/64","before":{"netns":"42361"}},{"op":"AddRoute","netns":"/var/run/netns/pod3-0d93bcbd","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"42361"}},{"op":"Announce","netns":"/var/run/netns/pod3-0d93bcbd","ifname":"eth0","addresses":["10.50.0.20","fd00:50::4"],"before":{"netns":"42361"}}]',1,1795887806264937074,'','');
INSERT INTO "attachments" VALUES('banknet','145f3468f6e74ad4aab320beddf66ca3','eth0','bank','tuned','u1','/var/run/netns/pod13-ddcd3a6b',4,4026532739,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb89d1ynb7lir3","netns":"/var/run/netns/pod13-ddcd3a6b","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"42433"}},{"op":"JoinBridge","link":"pb89d1ynb7lir3","bridge":"bank0.200","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb89d1ynb7lir3","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod13-ddcd3a6b","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"42433"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod13-ddcd3a6b","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"42433"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod13-ddcd3a6b","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"42433"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod13-ddcd3a6b","key":"net/ipv4/conf/eth0/arp_notify","value":"1","optional":false,"before":{"netns":"42433"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod13-ddcd3a6b","ifname":"eth0","before":{"netns":"42433"}},{"op":"AddAddress","netns":"/var/run/netns/pod13-ddcd3a6b","ifname":"eth0","address":"10.50.0.30/24","before":{"netns":"42433"}},{"op":"AddAddress","netns":"/var/run/netns/pod13-ddcd3a6b","ifname":"eth0","address":"fd00:50::30/64","before":{"netns":"42433"}},{"op":"AddRoute","netns":"/var/run/netns/pod13-ddcd3a6b","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"42433"}},{"op":"Announce","netns":"/var/run/netns/pod13-ddcd3a6b","ifname":"eth0","addresses":["10.50.0.30","fd00:50::30"],"before":{"netns":"42433"}}]',1,1795887816379759933,'','');
INSERT INTO "attachments" VALUES('banknet','50517c94babb4ec78e5053d3e51830cf','eth0','bank','kept','u1','/var/run/netns/pod6-c7aca685',4,4026533385,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pbe5yryknukz4e","netns":"/var/run/netns/pod6-c7aca685","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"45137"}},{"op":"JoinBridge","link":"pbe5yryknukz4e","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pbe5yryknukz4e","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod6-c7aca685","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"45137"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod6-c7aca685","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"45137"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod6-c7aca685","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"45137"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod6-c7aca685","ifname":"eth0","before":{"netns":"45137"}},{"op":"AddAddress","netns":"/var/run/netns/pod6-c7aca685","ifname":"eth0","address":"10.50.0.60/24","before":{"netns":"45137"}},{"op":"AddAddress","netns":"/var/run/netns/pod6-c7aca685","ifname":"eth0","address":"fd00:50::6/64","before":{"netns":"45137"}},{"op":"AddRoute","netns":"/var/run/netns/pod6-c7aca685","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"45137"}},{"op":"Announce","netns":"/var/run/netns/pod6-c7aca685","ifname":"eth0","addresses":["10.50.0.60","fd00:50::6"],"before":{"netns":"45137"}}]',1,1795887809240942679,'','');
INSERT INTO "attachments" VALUES('banknet','58d801baf54a4df4937668b526eae5c0','eth0','bank','halfway','u1','/var/run/netns/pod11-1f8be352',4,4026534656,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pbe6o2pdf1vcsg","netns":"/var/run/netns/pod11-1f8be352","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"45179"}},{"op":"JoinBridge","link":"pbe6o2pdf1vcsg","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pbe6o2pdf1vcsg","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod11-1f8be352","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"45179"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod11-1f8be352","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"45179"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod11-1f8be352","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"45179"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod11-1f8be352","ifname":"eth0","before":{"netns":"45179"}},{"op":"AddAddress","netns":"/var/run/netns/pod11-1f8be352","ifname":"eth0","address":"10.50.0.3/24","before":{"netns":"45179"}},{"op":"AddAddress","netns":"/var/run/netns/pod11-1f8be352","ifname":"eth0","address":"fd00:50::7/64","before":{"netns":"45179"}},{"op":"AddRoute","netns":"/var/run/netns/pod11-1f8be352","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"45179"}},{"op":"Announce","netns":"/var/run/netns/pod11-1f8be352","ifname":"eth0","addresses":["10.50.0.3","fd00:50::7"],"before":{"netns":"45179"}}]',1,1795887813696701006,'','');
INSERT INTO "attachments" VALUES('banknet','5a4084a80e914e979d71200eae9b1c93','eth0','bank','intent','u1','/var/run/netns/pod10-caeb7a5e',4,4026532177,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pbdh92uuh3ox75","netns":"/var/run/netns/pod10-caeb7a5e","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"42421"}},{"op":"JoinBridge","link":"pbdh92uuh3ox75","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pbdh92uuh3ox75","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod10-caeb7a5e","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"42421"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod10-caeb7a5e","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"42421"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod10-caeb7a5e","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"42421"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod10-caeb7a5e","ifname":"eth0","before":{"netns":"42421"}},{"op":"AddAddress","netns":"/var/run/netns/pod10-caeb7a5e","ifname":"eth0","address":"10.50.0.5/24","before":{"netns":"42421"}},{"op":"AddAddress","netns":"/var/run/netns/pod10-caeb7a5e","ifname":"eth0","address":"fd00:50::9/64","before":{"netns":"42421"}},{"op":"AddRoute","netns":"/var/run/netns/pod10-caeb7a5e","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"42421"}},{"op":"Announce","netns":"/var/run/netns/pod10-caeb7a5e","ifname":"eth0","addresses":["10.50.0.5","fd00:50::9"],"before":{"netns":"42421"}}]',0,1795887814344119581,'','');
INSERT INTO "attachments" VALUES('banknet','b9279ee6044d4eddad9bf82ecb239baa','eth0','bank','mysql-1','u2','/var/run/netns/pod6-45af2d43',4,4026532743,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb5ti9dgwsspr8","netns":"/var/run/netns/pod6-45af2d43","ifname":"eth0","mac":"02:50:0a:32:00:0c","mtu":null,"before":{"netns":"45124"}},{"op":"JoinBridge","link":"pb5ti9dgwsspr8","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb5ti9dgwsspr8","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod6-45af2d43","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"45124"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod6-45af2d43","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"45124"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod6-45af2d43","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"45124"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod6-45af2d43","ifname":"eth0","before":{"netns":"45124"}},{"op":"AddAddress","netns":"/var/run/netns/pod6-45af2d43","ifname":"eth0","address":"10.50.0.12/24","before":{"netns":"45124"}},{"op":"AddAddress","netns":"/var/run/netns/pod6-45af2d43","ifname":"eth0","address":"fd00:50::5/64","before":{"netns":"45124"}},{"op":"AddRoute","netns":"/var/run/netns/pod6-45af2d43","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"45124"}},{"op":"LimitTransmit","netns":null,"ifname":"pb5ti9dgwsspr8","mbit":200,"before":{}},{"op":"LimitReceive","netns":null,"ifname":"pb5ti9dgwsspr8","ifb":"pi5ti9dgwsspr8","mbit":100,"before":{}},{"op":"Announce","netns":"/var/run/netns/pod6-45af2d43","ifname":"eth0","addresses":["10.50.0.12","fd00:50::5"],"before":{"netns":"45124"}}]',1,1795887807014065494,'','');
INSERT INTO "attachments" VALUES('banknet','c740d8d5b1ac4bde90e9ce88927a1656','eth0','bank','mysql-0','u1','/var/run/netns/pod0-aefac233',4,4026533636,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb2jc7t6fvcjo8","netns":"/var/run/netns/pod0-aefac233","ifname":"eth0","mac":"02:50:0a:32:00:0b","mtu":null,"before":{"netns":"42358"}},{"op":"JoinBridge","link":"pb2jc7t6fvcjo8","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb2jc7t6fvcjo8","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod0-aefac233","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"42358"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod0-aefac233","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"42358"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod0-aefac233","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"42358"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod0-aefac233","ifname":"eth0","before":{"netns":"42358"}},{"op":"AddAddress","netns":"/var/run/netns/pod0-aefac233","ifname":"eth0","address":"10.50.0.11/24","before":{"netns":"42358"}},{"op":"AddAddress","netns":"/var/run/netns/pod0-aefac233","ifname":"eth0","address":"fd00:50::2/64","before":{"netns":"42358"}},{"op":"AddRoute","netns":"/var/run/netns/pod0-aefac233","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"42358"}},{"op":"LimitTransmit","netns":null,"ifname":"pb2jc7t6fvcjo8","mbit":200,"before":{}},{"op":"LimitReceive","netns":null,"ifname":"pb2jc7t6fvcjo8","ifb":"pi2jc7t6fvcjo8","mbit":100,"before":{}},{"op":"Announce","netns":"/var/run/netns/pod0-aefac233","ifname":"eth0","addresses":["10.50.0.11","fd00:50::2"],"before":{"netns":"42358"}}]',1,1795887805996900238,'','');
INSERT INTO "attachments" VALUES('banknet','eb3e87f53d7644bfb654c11da95196d2','eth0','bank','leaving','u1','/var/run/netns/pod12-0d4fdc70',4,4026534875,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb4fqhxo4jxkkf","netns":"/var/run/netns/pod12-0d4fdc70","ifname":"pg2","mac":null,"mtu":null,"before":{"netns":"42422"}},{"op":"JoinBridge","link":"pb4fqhxo4jxkkf","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb4fqhxo4jxkkf","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod12-0d4fdc70","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"42422"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod12-0d4fdc70","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"42422"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod12-0d4fdc70","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"42422"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod12-0d4fdc70","ifname":"pg2","before":{"netns":"42422"}},{"op":"Announce","netns":"/var/run/netns/pod12-0d4fdc70","ifname":"pg2","addresses":["10.50.0.4","fd00:50::8"],"before":{"netns":"42422"}}]',2,1795887813782960461,'','');
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
INSERT INTO "migrations" VALUES(1,1795887804551137914,'0.1.0');
INSERT INTO "migrations" VALUES(2,1795887804551842467,'0.1.0');
INSERT INTO "migrations" VALUES(3,1795887804552563225,'0.1.0');
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
