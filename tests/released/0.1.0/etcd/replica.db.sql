PRAGMA application_id = 1885626994;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE document_names (
    what TEXT NOT NULL, named TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (what, named, namespace, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "document_names" VALUES('mac','fromAddress','bank','mysql');
INSERT INTO "document_names" VALUES('pool','db','bank','mysql');
INSERT INTO "document_names" VALUES('pool','oldest','bank','sticky');
INSERT INTO "document_names" VALUES('pool','db','bank','tuned');
INSERT INTO "document_names" VALUES('pool','db','bank','web');
CREATE TABLE document_revisions (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, revision INTEGER NOT NULL,
    PRIMARY KEY (kind, namespace, name)
) STRICT, WITHOUT ROWID;
INSERT INTO "document_revisions" VALUES('PodNetwork','bank','mysql',2);
INSERT INTO "document_revisions" VALUES('PodNetwork','bank','sticky',2);
INSERT INTO "document_revisions" VALUES('PodNetwork','bank','tuned',2);
INSERT INTO "document_revisions" VALUES('PodNetwork','bank','web',2);
INSERT INTO "document_revisions" VALUES('Pool','','db',2);
INSERT INTO "document_revisions" VALUES('Pool','','oldest',2);
INSERT INTO "document_revisions" VALUES('Pool','','resting',2);
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
    address BLOB NOT NULL, seq INTEGER NOT NULL DEFAULT 0, time INTEGER NOT NULL, kind TEXT NOT NULL,
    pool TEXT NOT NULL, state TEXT NOT NULL,
    namespace TEXT NOT NULL, pod TEXT NOT NULL, uid TEXT NOT NULL, ifname TEXT NOT NULL,
    network TEXT NOT NULL, container_id TEXT NOT NULL,
    who TEXT NOT NULL, why TEXT NOT NULL, node TEXT NOT NULL, owner TEXT NOT NULL
) STRICT;
INSERT INTO "events" VALUES(X'0A32000D',3,1795888988766933115,'Reserved','db','RESERVED','bank','mysql-2','','eth0','','','uid 0 (root)','apply /var/lib/documents.yaml','worker-1','');
INSERT INTO "events" VALUES(X'0A32000B',8,1795888988997443892,'Bound','db','HELD','bank','mysql-0','u1','eth0','banknet','d7bc7b09a6b04b23878fea23c59e13f8','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(X'FD000050000000000000000000000002',9,1795888988997443892,'Bound','db','LEASED','bank','mysql-0','u1','eth0','banknet','d7bc7b09a6b04b23878fea23c59e13f8','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(X'0A32001E',10,1795888989121359910,'Bound','db','HELD','bank','tuned','u1','eth0','banknet','42732fb84c17419fa556bb0c0ba0ff65','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(X'FD000050000000000000000000000030',11,1795888989121359910,'Bound','db','HELD','bank','tuned','u1','eth0','banknet','42732fb84c17419fa556bb0c0ba0ff65','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(X'0A320002',12,1795888989273245216,'Bound','db','LEASED','bank','batch','u1','eth0','banknet','d3b93191ee2b47158688e3aa4ded1d2b','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(X'FD000050000000000000000000000003',13,1795888989273245216,'Bound','db','LEASED','bank','batch','u1','eth0','banknet','d3b93191ee2b47158688e3aa4ded1d2b','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(X'0A320014',14,1795888989369235341,'Bound','db','HELD','bank','web-7d4b9c8f5-x2x9k','u1','eth0','banknet','a87db60b1b844ed2a33385dbe5bef3d1','plugin','ADD','worker-1','deployment/web');
INSERT INTO "events" VALUES(X'FD000050000000000000000000000004',15,1795888989369235341,'Bound','db','LEASED','bank','web-7d4b9c8f5-x2x9k','u1','eth0','banknet','a87db60b1b844ed2a33385dbe5bef3d1','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(X'0A320015',18,1795888989657959161,'Unbound','db','RESERVED','bank','web-7d4b9c8f5-b4c5d','u1','eth0','banknet','7624b37c33fb4bd888e09227a7429a4f','plugin','DEL','worker-1','deployment/web');
INSERT INTO "events" VALUES(X'0A32000C',22,1795888989986681527,'Moved','db','HELD','bank','mysql-1','u2','eth0','banknet','86823fdac35c4d8bb51f9cc3b7b2e7b6','plugin','ADD: from container 4ca9cf05561941e7adc7909d869d9350 on node worker-1: its network namespace is gone','worker-1','');
INSERT INTO "events" VALUES(X'FD000050000000000000000000000005',23,1795888989986681527,'Moved','db','LEASED','bank','mysql-1','u2','eth0','banknet','86823fdac35c4d8bb51f9cc3b7b2e7b6','plugin','ADD: from container 4ca9cf05561941e7adc7909d869d9350 on node worker-1: its network namespace is gone','worker-1','');
INSERT INTO "events" VALUES(X'0A32003D',25,1795888990920198464,'Reserved','db','RESERVED','bank','away','','eth0','','','uid 0 (root)','reserve bank/away 10.50.0.61','worker-1','');
INSERT INTO "events" VALUES(X'FD000050000000000000000000000006',27,1795888991426249678,'Bound','db','LEASED','bank','kept','u1','eth0','banknet','d2521dbb54da4626aa7f9c91af96d995','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(X'0A32003C',28,1795888992059812305,'Released','db','LEASED','bank','kept','','eth0','banknet','d2521dbb54da4626aa7f9c91af96d995','uid 0 (root)','release 10.50.0.60','worker-1','');
INSERT INTO "events" VALUES(X'0A32003E',30,1795888993085577001,'Released','db','FREE','bank','over','','eth0','','','uid 0 (root)','release 10.50.0.62','worker-1','');
INSERT INTO "events" VALUES(X'0A340002',37,1795888993509105443,'Unbound','oldest','RESERVED','bank','sticky','u1','eth0','oldestnet','c2107bdc47a940668a7ab7f0b33ddaf8','plugin','DEL','worker-1','');
INSERT INTO "events" VALUES(X'0A3200C8',38,1795888994417875439,'Bound','db','LEASED','','','','eth0','oldnet','0123456789abcdef','uid 0 (root)','import host-local /var/lib/cni/networks/oldnet','worker-1','');
INSERT INTO "events" VALUES(X'0A320003',39,1795888996569317388,'Bound','db','LEASED','bank','halfway','u1','eth0','banknet','bce868c850ed4fd4a348c0e38d9a4a92','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(X'FD000050000000000000000000000007',40,1795888996569317388,'Bound','db','LEASED','bank','halfway','u1','eth0','banknet','bce868c850ed4fd4a348c0e38d9a4a92','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(X'0A320004',41,1795888996641224009,'Bound','db','LEASED','bank','leaving','u1','eth0','banknet','80850da461d34abfaf435e5f228fd3d8','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(X'FD000050000000000000000000000008',42,1795888996641224009,'Bound','db','LEASED','bank','leaving','u1','eth0','banknet','80850da461d34abfaf435e5f228fd3d8','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(X'0A320005',43,1795888997020330195,'Bound','db','LEASED','bank','intent','u1','eth0','banknet','5b9ddb719eb34acea85c4155b58601db','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(X'FD000050000000000000000000000009',44,1795888997020330195,'Bound','db','LEASED','bank','intent','u1','eth0','banknet','5b9ddb719eb34acea85c4155b58601db','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(X'0A330002',33,1795888993369379207,'Unbound','resting','FREE','bank','short','u1','eth0','restingnet','f237ea36e7f641cdabb8610b9c83a49f','plugin','DEL','worker-1','');
INSERT INTO "events" VALUES(X'0A330003',36,1795888993401320547,'Unbound','resting','FREE','bank','other','u1','eth0','restingnet','72057128db49463d8f3c692002bb4a64','plugin','DEL','worker-1','');
CREATE TABLE extents (
    what TEXT NOT NULL, pool TEXT NOT NULL REFERENCES pools, family INTEGER NOT NULL,
    first BLOB NOT NULL, last BLOB NOT NULL,
    PRIMARY KEY (pool, what, family, first)
) STRICT, WITHOUT ROWID;
INSERT INTO "extents" VALUES('free','db',4,X'0A320006',X'0A320009');
INSERT INTO "extents" VALUES('free','db',4,X'0A320064',X'0A3200C7');
INSERT INTO "extents" VALUES('free','db',4,X'0A3200C9',X'0A3200FE');
INSERT INTO "extents" VALUES('free','db',6,X'FD00005000000000000000000000000A',X'FD00005000000000000000000000002F');
INSERT INTO "extents" VALUES('free','db',6,X'FD000050000000000000000000000031',X'FD00005000000000FFFFFFFFFFFFFFFF');
INSERT INTO "extents" VALUES('offered','db',4,X'0A320002',X'0A320009');
INSERT INTO "extents" VALUES('offered','db',4,X'0A320064',X'0A3200FE');
INSERT INTO "extents" VALUES('offered','db',6,X'FD000050000000000000000000000002',X'FD00005000000000FFFFFFFFFFFFFFFF');
INSERT INTO "extents" VALUES('usable','db',4,X'0A320002',X'0A3200FE');
INSERT INTO "extents" VALUES('usable','db',6,X'FD000050000000000000000000000002',X'FD00005000000000FFFFFFFFFFFFFFFF');
INSERT INTO "extents" VALUES('free','oldest',4,X'0A340003',X'0A34000E');
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
INSERT INTO "leases" VALUES(X'0A320002',4,'db','banknet','d3b93191ee2b47158688e3aa4ded1d2b','eth0','bank','batch','u1','/var/run/netns/pod2-1725df99','worker-1',1795888989273245216);
INSERT INTO "leases" VALUES(X'0A320003',4,'db','banknet','bce868c850ed4fd4a348c0e38d9a4a92','eth0','bank','halfway','u1','/var/run/netns/pod11-d8377cc6','worker-1',1795888996569317388);
INSERT INTO "leases" VALUES(X'0A320004',4,'db','banknet','80850da461d34abfaf435e5f228fd3d8','eth0','bank','leaving','u1','/var/run/netns/pod12-7090a566','worker-1',1795888996641224009);
INSERT INTO "leases" VALUES(X'0A320005',4,'db','banknet','5b9ddb719eb34acea85c4155b58601db','eth0','bank','intent','u1','/var/run/netns/pod10-10b8b332','worker-1',1795888997020330195);
INSERT INTO "leases" VALUES(X'0A32000B',4,'db','banknet','d7bc7b09a6b04b23878fea23c59e13f8','eth0','bank','mysql-0','u1','/var/run/netns/pod0-81123fe4','worker-1',1795888988997443892);
INSERT INTO "leases" VALUES(X'0A32000C',4,'db','banknet','86823fdac35c4d8bb51f9cc3b7b2e7b6','eth0','bank','mysql-1','u2','/var/run/netns/pod6-ab6cc26e','worker-1',1795888989986681527);
INSERT INTO "leases" VALUES(X'0A320014',4,'db','banknet','a87db60b1b844ed2a33385dbe5bef3d1','eth0','bank','web-7d4b9c8f5-x2x9k','u1','/var/run/netns/pod3-f17d2825','worker-1',1795888989369235341);
INSERT INTO "leases" VALUES(X'0A32001E',4,'db','banknet','42732fb84c17419fa556bb0c0ba0ff65','eth0','bank','tuned','u1','/var/run/netns/pod1-548aba82','worker-1',1795888989121359910);
INSERT INTO "leases" VALUES(X'0A32003C',4,'db','banknet','d2521dbb54da4626aa7f9c91af96d995','eth0','bank','kept','u1','/var/run/netns/pod6-92e2bc02','worker-1',1795888991426249678);
INSERT INTO "leases" VALUES(X'0A3200C8',4,'db','oldnet','0123456789abcdef','eth0','','','','','worker-1',1795888994417875439);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000002',6,'db','banknet','d7bc7b09a6b04b23878fea23c59e13f8','eth0','bank','mysql-0','u1','/var/run/netns/pod0-81123fe4','worker-1',1795888988997443892);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000003',6,'db','banknet','d3b93191ee2b47158688e3aa4ded1d2b','eth0','bank','batch','u1','/var/run/netns/pod2-1725df99','worker-1',1795888989273245216);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000004',6,'db','banknet','a87db60b1b844ed2a33385dbe5bef3d1','eth0','bank','web-7d4b9c8f5-x2x9k','u1','/var/run/netns/pod3-f17d2825','worker-1',1795888989369235341);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000005',6,'db','banknet','86823fdac35c4d8bb51f9cc3b7b2e7b6','eth0','bank','mysql-1','u2','/var/run/netns/pod6-ab6cc26e','worker-1',1795888989986681527);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000006',6,'db','banknet','d2521dbb54da4626aa7f9c91af96d995','eth0','bank','kept','u1','/var/run/netns/pod6-92e2bc02','worker-1',1795888991426249678);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000007',6,'db','banknet','bce868c850ed4fd4a348c0e38d9a4a92','eth0','bank','halfway','u1','/var/run/netns/pod11-d8377cc6','worker-1',1795888996569317388);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000008',6,'db','banknet','80850da461d34abfaf435e5f228fd3d8','eth0','bank','leaving','u1','/var/run/netns/pod12-7090a566','worker-1',1795888996641224009);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000009',6,'db','banknet','5b9ddb719eb34acea85c4155b58601db','eth0','bank','intent','u1','/var/run/netns/pod10-10b8b332','worker-1',1795888997020330195);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000030',6,'db','banknet','42732fb84c17419fa556bb0c0ba0ff65','eth0','bank','tuned','u1','/var/run/netns/pod1-548aba82','worker-1',1795888989121359910);
CREATE TABLE migrations (
    version INTEGER PRIMARY KEY, time INTEGER NOT NULL, podberth TEXT NOT NULL
) STRICT;
INSERT INTO "migrations" VALUES(1,1795888987965621752,'0.1.0');
CREATE TABLE pools (
    name TEXT PRIMARY KEY, allocation TEXT NOT NULL, quarantine INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "pools" VALUES('db','lowest',0);
INSERT INTO "pools" VALUES('oldest','leastRecentlyUsed',0);
INSERT INTO "pools" VALUES('resting','lowest',25920000);
CREATE TABLE position (
    version TEXT NOT NULL, identity TEXT NOT NULL DEFAULT '', position TEXT NOT NULL DEFAULT ''
) STRICT;
INSERT INTO "position" VALUES('1.3','etcd 5625225e3be5699a /podberth/','30');
CREATE TABLE records (
    address BLOB PRIMARY KEY, revision INTEGER NOT NULL, seq INTEGER NOT NULL, time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "records" VALUES(X'0A320002',5,12,1795888989273245216);
INSERT INTO "records" VALUES(X'0A320003',26,39,1795888996569317388);
INSERT INTO "records" VALUES(X'0A320004',27,41,1795888996641224009);
INSERT INTO "records" VALUES(X'0A320005',28,43,1795888997020330195);
INSERT INTO "records" VALUES(X'0A32000B',3,8,1795888988997443892);
INSERT INTO "records" VALUES(X'0A32000C',10,22,1795888989986681527);
INSERT INTO "records" VALUES(X'0A32000D',2,3,1795888988766933115);
INSERT INTO "records" VALUES(X'0A320014',6,14,1795888989369235341);
INSERT INTO "records" VALUES(X'0A320015',8,18,1795888989657959161);
INSERT INTO "records" VALUES(X'0A32001E',4,10,1795888989121359910);
INSERT INTO "records" VALUES(X'0A32003C',14,28,1795888992059812305);
INSERT INTO "records" VALUES(X'0A32003D',12,25,1795888990920198464);
INSERT INTO "records" VALUES(X'0A32003E',16,30,1795888993085577001);
INSERT INTO "records" VALUES(X'0A3200C8',23,38,1795888994417875439);
INSERT INTO "records" VALUES(X'0A330002',29,33,1795888993369379207);
INSERT INTO "records" VALUES(X'0A330003',30,36,1795888993401320547);
INSERT INTO "records" VALUES(X'0A340002',22,37,1795888993509105443);
INSERT INTO "records" VALUES(X'FD000050000000000000000000000002',3,9,1795888988997443892);
INSERT INTO "records" VALUES(X'FD000050000000000000000000000003',5,13,1795888989273245216);
INSERT INTO "records" VALUES(X'FD000050000000000000000000000004',6,15,1795888989369235341);
INSERT INTO "records" VALUES(X'FD000050000000000000000000000005',10,23,1795888989986681527);
INSERT INTO "records" VALUES(X'FD000050000000000000000000000006',13,27,1795888991426249678);
INSERT INTO "records" VALUES(X'FD000050000000000000000000000007',26,40,1795888996569317388);
INSERT INTO "records" VALUES(X'FD000050000000000000000000000008',27,42,1795888996641224009);
INSERT INTO "records" VALUES(X'FD000050000000000000000000000009',28,44,1795888997020330195);
INSERT INTO "records" VALUES(X'FD000050000000000000000000000030',4,11,1795888989121359910);
CREATE TABLE reservations (
    address BLOB PRIMARY KEY, family INTEGER NOT NULL, pool TEXT NOT NULL REFERENCES pools,
    namespace TEXT NOT NULL, pod TEXT NOT NULL, ifname TEXT NOT NULL,
    origin TEXT NOT NULL, since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "reservations" VALUES(X'0A32000B',4,'db','bank','mysql-0','eth0','declared',1795888988766659991);
INSERT INTO "reservations" VALUES(X'0A32000C',4,'db','bank','mysql-1','eth0','declared',1795888988766882430);
INSERT INTO "reservations" VALUES(X'0A32000D',4,'db','bank','mysql-2','eth0','declared',1795888988766933115);
INSERT INTO "reservations" VALUES(X'0A320014',4,'db','bank','deployment/web','eth0','declared',1795888988766966715);
INSERT INTO "reservations" VALUES(X'0A320015',4,'db','bank','deployment/web','eth0','declared',1795888988766998572);
INSERT INTO "reservations" VALUES(X'0A32001E',4,'db','bank','tuned','eth0','declared',1795888988767028366);
INSERT INTO "reservations" VALUES(X'0A32003D',4,'db','bank','away','eth0','manual',1795888990920198464);
INSERT INTO "reservations" VALUES(X'0A340002',4,'oldest','bank','sticky','eth0','sticky',1795888993386930443);
INSERT INTO "reservations" VALUES(X'FD000050000000000000000000000030',6,'db','bank','tuned','eth0','declared',1795888988767058000);
CREATE TABLE resting (
    address BLOB PRIMARY KEY, pool TEXT NOT NULL REFERENCES pools, family INTEGER NOT NULL,
    until INTEGER NOT NULL, offered INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "resting" VALUES(X'0A330002','resting',4,7258118400000000000,1);
INSERT INTO "resting" VALUES(X'0A330003','resting',4,7258118400000000000,1);
CREATE TABLE touched (address BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE touched_documents (
    kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (kind, namespace, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX resting_of ON resting (pool, family, offered, until);
CREATE INDEX leases_of ON leases (network, container_id, ifname);
CREATE INDEX leases_in ON leases (pool, family);
CREATE INDEX leases_by ON leases (namespace, pod, ifname, pool, family);
CREATE INDEX reservations_of ON reservations (namespace, pod, ifname, pool, family);
CREATE INDEX reservations_in ON reservations (pool, family);
CREATE INDEX documents_pod ON documents (namespace, pod) WHERE pod IS NOT NULL;
CREATE INDEX documents_set ON documents (namespace, stateful_set) WHERE stateful_set IS NOT NULL;
CREATE INDEX documents_origin ON documents (origin);
CREATE INDEX document_names_of ON document_names (namespace, name);
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
CREATE INDEX events_at ON events (address);
CREATE INDEX events_by ON events (seq);
CREATE INDEX records_by ON records (seq);
CREATE TRIGGER leases_touched AFTER UPDATE ON leases
BEGIN INSERT OR IGNORE INTO touched VALUES (NEW.address); END;
CREATE TRIGGER reservations_touched AFTER UPDATE ON reservations
BEGIN INSERT OR IGNORE INTO touched VALUES (NEW.address); END;
CREATE TRIGGER documents_made AFTER INSERT ON documents
BEGIN INSERT OR IGNORE INTO touched_documents VALUES (NEW.kind, NEW.namespace, NEW.name); END;
CREATE TRIGGER documents_changed AFTER UPDATE ON documents
BEGIN INSERT OR IGNORE INTO touched_documents VALUES (NEW.kind, NEW.namespace, NEW.name); END;
CREATE TRIGGER documents_gone AFTER DELETE ON documents
BEGIN INSERT OR IGNORE INTO touched_documents VALUES (OLD.kind, OLD.namespace, OLD.name); END;
DELETE FROM "sqlite_sequence";
COMMIT;
