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
INSERT INTO "attachments" VALUES('banknet','06503b9b881244a78918c9040998dbcb','eth0','bank','mysql-0','u1','/var/run/netns/pod1-d7b6f834',4,4026532669,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pbeajbfl8ph3l3","netns":"/var/run/netns/pod1-d7b6f834","ifname":"eth0","mac":"02:50:0a:32:00:0b","mtu":null,"before":{"netns":"42235"}},{"op":"JoinBridge","link":"pbeajbfl8ph3l3","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pbeajbfl8ph3l3","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod1-d7b6f834","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"42235"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod1-d7b6f834","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"42235"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod1-d7b6f834","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"42235"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod1-d7b6f834","ifname":"eth0","before":{"netns":"42235"}},{"op":"AddAddress","netns":"/var/run/netns/pod1-d7b6f834","ifname":"eth0","address":"10.50.0.11/24","before":{"netns":"42235"}},{"op":"AddAddress","netns":"/var/run/netns/pod1-d7b6f834","ifname":"eth0","address":"fd00:50::2/64","before":{"netns":"42235"}},{"op":"AddRoute","netns":"/var/run/netns/pod1-d7b6f834","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"42235"}},{"op":"LimitTransmit","netns":null,"ifname":"pbeajbfl8ph3l3","mbit":200,"before":{}},{"op":"LimitReceive","netns":null,"ifname":"pbeajbfl8ph3l3","ifb":"pieajbfl8ph3l3","mbit":100,"before":{}},{"op":"Announce","netns":"/var/run/netns/pod1-d7b6f834","ifname":"eth0","addresses":["10.50.0.11","fd00:50::2"],"before":{"netns":"42235"}}]',1,1795887788873229739,'','');
INSERT INTO "attachments" VALUES('banknet','2c9be243325a4deb8290a7d78bb85915','eth0','bank','kept','u1','/var/run/netns/pod8-a86ad154',4,4026534162,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pbdsvzojpat2od","netns":"/var/run/netns/pod8-a86ad154","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"42277"}},{"op":"JoinBridge","link":"pbdsvzojpat2od","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pbdsvzojpat2od","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod8-a86ad154","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"42277"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod8-a86ad154","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"42277"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod8-a86ad154","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"42277"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod8-a86ad154","ifname":"eth0","before":{"netns":"42277"}},{"op":"AddAddress","netns":"/var/run/netns/pod8-a86ad154","ifname":"eth0","address":"10.50.0.60/24","before":{"netns":"42277"}},{"op":"AddAddress","netns":"/var/run/netns/pod8-a86ad154","ifname":"eth0","address":"fd00:50::6/64","before":{"netns":"42277"}},{"op":"AddRoute","netns":"/var/run/netns/pod8-a86ad154","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"42277"}},{"op":"Announce","netns":"/var/run/netns/pod8-a86ad154","ifname":"eth0","addresses":["10.50.0.60","fd00:50::6"],"before":{"netns":"42277"}}]',1,1795887793921027309,'','');
INSERT INTO "attachments" VALUES('banknet','3aa941aa23ac43179b3a57329c461e45','eth0','bank','web-7d4b9c8f5-x2x9k','u1','/var/run/netns/pod4-8cc38431',4,4026535387,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb9b880ppveblr","netns":"/var/run/netns/pod4-8cc38431","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"42238"}},{"op":"JoinBridge","link":"pb9b880ppveblr","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb9b880ppveblr","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod4-8cc38431","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"42238"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod4-8cc38431","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"42238"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod4-8cc38431","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"42238"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod4-8cc38431","ifname":"eth0","before":{"netns":"42238"}},{"op":"AddAddress","netns":"/var/run/netns/pod4-8cc38431","ifname":"eth0","address":"10.50.0.20/24","before":{"netns":"42238"}},{"op":"AddAddress","netns":"/var/run/netns/pod4-8cc38431","ifname":"eth0","address":"fd00:50::4/64","before":{"netns":"42238"}},{"op":"AddRoute","netns":"/var/run/netns/pod4-8cc38431","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"42238"}},{"op":"Announce","netns":"/var/run/netns/pod4-8cc38431","ifname":"eth0","addresses":["10.50.0.20","fd00:50::4"],"before":{"netns":"42238"}}]',1,1795887789741421135,'','');
INSERT INTO "attachments" VALUES('banknet','3e858631e0e34c2eb58f91f4f7072598','eth0','bank','leaving','u1','/var/run/netns/pod14-88dfd15d',4,4026536313,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pbccbiftyearch","netns":"/var/run/netns/pod14-88dfd15d","ifname":"pg2","mac":null,"mtu":null,"before":{"netns":"40953"}},{"op":"JoinBridge","link":"pbccbiftyearch","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pbccbiftyearch","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod14-88dfd15d","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"40953"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod14-88dfd15d","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"40953"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod14-88dfd15d","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"40953"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod14-88dfd15d","ifname":"pg2","before":{"netns":"40953"}},{"op":"Announce","netns":"/var/run/netns/pod14-88dfd15d","ifname":"pg2","addresses":["10.50.0.4","fd00:50::8"],"before":{"netns":"40953"}}]',2,1795887799114847533,'','');
INSERT INTO "attachments" VALUES('banknet','5481c9cb69224a49a697993eaed5df46','eth0','bank','tuned','u1','/var/run/netns/pod2-c05bf543',4,4026533850,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb3pjnb9p8wrsk","netns":"/var/run/netns/pod2-c05bf543","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"42236"}},{"op":"JoinBridge","link":"pb3pjnb9p8wrsk","bridge":"bank0.200","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb3pjnb9p8wrsk","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod2-c05bf543","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"42236"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod2-c05bf543","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"42236"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod2-c05bf543","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"42236"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod2-c05bf543","key":"net/ipv4/conf/eth0/arp_notify","value":"1","optional":false,"before":{"netns":"42236"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod2-c05bf543","ifname":"eth0","before":{"netns":"42236"}},{"op":"AddAddress","netns":"/var/run/netns/pod2-c05bf543","ifname":"eth0","address":"10.50.0.30/24","before":{"netns":"42236"}},{"op":"AddAddress","netns":"/var/run/netns/pod2-c05bf543","ifname":"eth0","address":"fd00:50::30/64","before":{"netns":"42236"}},{"op":"AddRoute","netns":"/var/run/netns/pod2-c05bf543","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"42236"}},{"op":"Announce","netns":"/var/run/netns/pod2-c05bf543","ifname":"eth0","addresses":["10.50.0.30","fd00:50::30"],"before":{"netns":"42236"}}]',1,1795887789099146398,'','');
INSERT INTO "attachments" VALUES('banknet','68e1a4478cf44cb68b55b641c427ce72','eth0','bank','halfway','u1','/var/run/netns/pod13-5b7b3305',4,4026535055,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pberm6m594mkrg","netns":"/var/run/netns/pod13-5b7b3305","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"42321"}},{"op":"JoinBridge","link":"pberm6m594mkrg","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pberm6m594mkrg","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod13-5b7b3305","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"42321"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod13-5b7b3305","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"42321"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod13-5b7b3305","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"42321"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod13-5b7b3305","ifname":"eth0","before":{"netns":"42321"}},{"op":"AddAddress","netns":"/var/run/netns/pod13-5b7b3305","ifname":"eth0","address":"10.50.0.3/24","before":{"netns":"42321"}},{"op":"AddAddress","netns":"/var/run/netns/pod13-5b7b3305","ifname":"eth0","address":"fd00:50::7/64","before":{"netns":"42321"}},{"op":"AddRoute","netns":"/var/run/netns/pod13-5b7b3305","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"42321"}},{"op":"Announce","netns":"/var/run/netns/pod13-5b7b3305","ifname":"eth0","addresses":["10.50.0.3","fd00:50::7"],"before":{"netns":"42321"}}]',1,1795887798942583931,'','');
INSERT INTO "attachments" VALUES('banknet','896c18d89f444466b2c4d5127eb8a547','eth0','bank','intent','u1','/var/run/netns/pod12-459ec289',4,4026532260,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pbd2kza667w2cv","netns":"/var/run/netns/pod12-459ec289","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"40952"}},{"op":"JoinBridge","link":"pbd2kza667w2cv","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pbd2kza667w2cv","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod12-459ec289","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"40952"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod12-459ec289","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"40952"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod12-459ec289","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"40952"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod12-459ec289","ifname":"eth0","before":{"netns":"40952"}},{"op":"AddAddress","netns":"/var/run/netns/pod12-459ec289","ifname":"eth0","address":"10.50.0.5/24","before":{"netns":"40952"}},{"op":"AddAddress","netns":"/var/run/netns/pod12-459ec289","ifname":"eth0","address":"fd00:50::9/64","before":{"netns":"40952"}},{"op":"AddRoute","netns":"/var/run/netns/pod12-459ec289","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"40952"}},{"op":"Announce","netns":"/var/run/netns/pod12-459ec289","ifname":"eth0","addresses":["10.50.0.5","fd00:50::9"],"before":{"netns":"40952"}}]',0,1795887799317101216,'','');
INSERT INTO "attachments" VALUES('banknet','ab829671a4a446bbac529dba052c254d','eth0','bank','batch','u1','/var/run/netns/pod3-7a889c6f',4,4026535246,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb1bkymxhm2qw5","netns":"/var/run/netns/pod3-7a889c6f","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"42237"}},{"op":"JoinBridge","link":"pb1bkymxhm2qw5","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb1bkymxhm2qw5","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod3-7a889c6f","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"42237"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod3-7a889c6f","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"42237"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod3-7a889c6f","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"42237"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod3-7a889c6f","ifname":"eth0","before":{"netns":"42237"}},{"op":"AddAddress","netns":"/var/run/netns/pod3-7a889c6f","ifname":"eth0","address":"10.50.0.2/24","before":{"netns":"42237"}},{"op":"AddAddress","netns":"/var/run/netns/pod3-7a889c6f","ifname":"eth0","address":"fd00:50::3/64","before":{"netns":"42237"}},{"op":"AddRoute","netns":"/var/run/netns/pod3-7a889c6f","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"42237"}},{"op":"Announce","netns":"/var/run/netns/pod3-7a889c6f","ifname":"eth0","addresses":["10.50.0.2","fd00:50::3"],"before":{"netns":"42237"}}]',1,1795887789484831004,'','');
INSERT INTO "attachments" VALUES('banknet','b564532eb1b24798b1ec7fd4f2b109ec','eth0','bank','mysql-1','u2','/var/run/netns/pod8-2d8b7ed6',4,4026535889,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pb1ir5a3cga67b","netns":"/var/run/netns/pod8-2d8b7ed6","ifname":"eth0","mac":"02:50:0a:32:00:0c","mtu":null,"before":{"netns":"40880"}},{"op":"JoinBridge","link":"pb1ir5a3cga67b","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pb1ir5a3cga67b","before":{}},{"op":"WriteSysctl","netns":"/var/run/netns/pod8-2d8b7ed6","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"40880"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod8-2d8b7ed6","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"40880"}},{"op":"WriteSysctl","netns":"/var/run/netns/pod8-2d8b7ed6","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"40880"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod8-2d8b7ed6","ifname":"eth0","before":{"netns":"40880"}},{"op":"AddAddress","netns":"/var/run/netns/pod8-2d8b7ed6","ifname":"eth0","address":"10.50.0.12/24","before":{"netns":"40880"}},{"op":"AddAddress","netns":"/var/run/netns/pod8-2d8b7ed6","ifname":"eth0","address":"fd00:50::5/64","before":{"netns":"40880"}},{"op":"AddRoute","netns":"/var/run/netns/pod8-2d8b7ed6","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"40880"}},{"op":"LimitTransmit","netns":null,"ifname":"pb1ir5a3cga67b","mbit":200,"before":{}},{"op":"LimitReceive","netns":null,"ifname":"pb1ir5a3cga67b","ifb":"pi1ir5a3cga67b","mbit":100,"before":{}},{"op":"Announce","netns":"/var/run/netns/pod8-2d8b7ed6","ifname":"eth0","addresses":["10.50.0.12","fd00:50::5"],"before":{"netns":"40880"}}]',1,1795887791165266499,'','');
INSERT INTO "attachments" VALUES('macnet','4425d6b320634188a77a0b4bc5cfa4b5','eth0','bank','upstairs','u1','/var/run/netns/pod6-d007f563',4,4026535672,'[{"op":"CreateMacvlan","parent":"up0","mode":"bridge","netns":"/var/run/netns/pod6-d007f563","ifname":"eth0","vlan":null,"mac":null,"mtu":null,"before":{"netns":"42254"}},{"op":"SetLinkUp","netns":"/var/run/netns/pod6-d007f563","ifname":"eth0","before":{"netns":"42254"}},{"op":"AddAddress","netns":"/var/run/netns/pod6-d007f563","ifname":"eth0","address":"10.52.0.2/28","before":{"netns":"42254"}},{"op":"AddRoute","netns":"/var/run/netns/pod6-d007f563","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.52.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"42254"}},{"op":"Announce","netns":"/var/run/netns/pod6-d007f563","ifname":"eth0","addresses":["10.52.0.2"],"before":{"netns":"42254"}}]',1,1795887790570643845,'','');
INSERT INTO "attachments" VALUES('runnet','run-0001','eth0','bank','ran','','/run/netns/run-0001',4,4026533645,'[{"op":"EnableForwarding","version":4,"before":{}},{"op":"EnableForwarding","version":6,"before":{}},{"op":"CreateVeth","name":"pbf89tykgcnpl6","netns":"/run/netns/run-0001","ifname":"eth0","mac":null,"mtu":null,"before":{"netns":"45074"}},{"op":"JoinBridge","link":"pbf89tykgcnpl6","bridge":"bank0.100","vlan_filtering":false,"vlan":null,"hairpin":false,"gateways":["10.50.0.1/24","fd00:50::1/64"],"before":{}},{"op":"SetLinkUp","netns":null,"ifname":"pbf89tykgcnpl6","before":{}},{"op":"WriteSysctl","netns":"/run/netns/run-0001","key":"net/ipv6/conf/eth0/disable_ipv6","value":"0","optional":false,"before":{"netns":"45074"}},{"op":"WriteSysctl","netns":"/run/netns/run-0001","key":"net/ipv6/conf/eth0/accept_ra","value":"0","optional":false,"before":{"netns":"45074"}},{"op":"WriteSysctl","netns":"/run/netns/run-0001","key":"net/ipv6/conf/eth0/autoconf","value":"0","optional":false,"before":{"netns":"45074"}},{"op":"SetLinkUp","netns":"/run/netns/run-0001","ifname":"eth0","before":{"netns":"45074"}},{"op":"AddAddress","netns":"/run/netns/run-0001","ifname":"eth0","address":"10.50.0.6/24","before":{"netns":"45074"}},{"op":"AddAddress","netns":"/run/netns/run-0001","ifname":"eth0","address":"fd00:50::a/64","before":{"netns":"45074"}},{"op":"AddRoute","netns":"/run/netns/run-0001","ifname":"eth0","dst":"0.0.0.0/0","gw":"10.50.0.1","mtu":null,"advmss":null,"priority":null,"table":null,"scope":null,"before":{"netns":"45074"}},{"op":"Announce","netns":"/run/netns/run-0001","ifname":"eth0","addresses":["10.50.0.6","fd00:50::a"],"before":{"netns":"45074"}}]',1,1795887800365746458,'','');
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
INSERT INTO "events" VALUES(1,1795887788354394769,'Reserved',X'0A32000B','db','RESERVED','bank','mysql-0','','eth0','','','uid 0 (root)','apply /var/lib/documents.yaml','worker-1','');
INSERT INTO "events" VALUES(2,1795887788354603839,'Reserved',X'0A32000C','db','RESERVED','bank','mysql-1','','eth0','','','uid 0 (root)','apply /var/lib/documents.yaml','worker-1','');
INSERT INTO "events" VALUES(3,1795887788354650909,'Reserved',X'0A32000D','db','RESERVED','bank','mysql-2','','eth0','','','uid 0 (root)','apply /var/lib/documents.yaml','worker-1','');
INSERT INTO "events" VALUES(4,1795887788354685540,'Reserved',X'0A320014','db','RESERVED','bank','deployment/web','','eth0','','','uid 0 (root)','apply /var/lib/documents.yaml','worker-1','deployment/web');
INSERT INTO "events" VALUES(5,1795887788354719180,'Reserved',X'0A320015','db','RESERVED','bank','deployment/web','','eth0','','','uid 0 (root)','apply /var/lib/documents.yaml','worker-1','deployment/web');
INSERT INTO "events" VALUES(6,1795887788354748723,'Reserved',X'0A32001E','db','RESERVED','bank','tuned','','eth0','','','uid 0 (root)','apply /var/lib/documents.yaml','worker-1','');
INSERT INTO "events" VALUES(7,1795887788354803364,'Reserved',X'FD000050000000000000000000000030','db','RESERVED','bank','tuned','','eth0','','','uid 0 (root)','apply /var/lib/documents.yaml','worker-1','');
INSERT INTO "events" VALUES(8,1795887788842719614,'Bound',X'0A32000B','db','HELD','bank','mysql-0','u1','eth0','banknet','06503b9b881244a78918c9040998dbcb','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(9,1795887788842719614,'Bound',X'FD000050000000000000000000000002','db','LEASED','bank','mysql-0','u1','eth0','banknet','06503b9b881244a78918c9040998dbcb','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(10,1795887789097266223,'Bound',X'0A32001E','db','HELD','bank','tuned','u1','eth0','banknet','5481c9cb69224a49a697993eaed5df46','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(11,1795887789097266223,'Bound',X'FD000050000000000000000000000030','db','HELD','bank','tuned','u1','eth0','banknet','5481c9cb69224a49a697993eaed5df46','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(12,1795887789465314524,'Bound',X'0A320002','db','LEASED','bank','batch','u1','eth0','banknet','ab829671a4a446bbac529dba052c254d','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(13,1795887789465314524,'Bound',X'FD000050000000000000000000000003','db','LEASED','bank','batch','u1','eth0','banknet','ab829671a4a446bbac529dba052c254d','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(14,1795887789724885018,'Bound',X'0A320014','db','HELD','bank','web-7d4b9c8f5-x2x9k','u1','eth0','banknet','3aa941aa23ac43179b3a57329c461e45','plugin','ADD','worker-1','deployment/web');
INSERT INTO "events" VALUES(15,1795887789724885018,'Bound',X'FD000050000000000000000000000004','db','LEASED','bank','web-7d4b9c8f5-x2x9k','u1','eth0','banknet','3aa941aa23ac43179b3a57329c461e45','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(16,1795887789984408883,'Bound',X'0A320015','db','HELD','bank','web-7d4b9c8f5-b4c5d','u1','eth0','banknet','a9d69cbeca744d02a534fb19724d47ce','plugin','ADD','worker-1','deployment/web');
INSERT INTO "events" VALUES(17,1795887789984408883,'Bound',X'FD000050000000000000000000000005','db','LEASED','bank','web-7d4b9c8f5-b4c5d','u1','eth0','banknet','a9d69cbeca744d02a534fb19724d47ce','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(18,1795887790257108344,'Unbound',X'0A320015','db','RESERVED','bank','web-7d4b9c8f5-b4c5d','u1','eth0','banknet','a9d69cbeca744d02a534fb19724d47ce','plugin','DEL','worker-1','deployment/web');
INSERT INTO "events" VALUES(19,1795887790257108344,'Unbound',X'FD000050000000000000000000000005','db','FREE','bank','web-7d4b9c8f5-b4c5d','u1','eth0','banknet','a9d69cbeca744d02a534fb19724d47ce','plugin','DEL','worker-1','');
INSERT INTO "events" VALUES(20,1795887790569723453,'Bound',X'0A340002','oldest','LEASED','bank','upstairs','u1','eth0','macnet','4425d6b320634188a77a0b4bc5cfa4b5','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(21,1795887790857383838,'Bound',X'0A32000C','db','HELD','bank','mysql-1','u1','eth0','banknet','bc1198d5422b4359b00d668438ad6ebd','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(22,1795887790857383838,'Bound',X'FD000050000000000000000000000005','db','LEASED','bank','mysql-1','u1','eth0','banknet','bc1198d5422b4359b00d668438ad6ebd','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(23,1795887791161388686,'Moved',X'0A32000C','db','HELD','bank','mysql-1','u2','eth0','banknet','b564532eb1b24798b1ec7fd4f2b109ec','plugin','ADD: from container bc1198d5422b4359b00d668438ad6ebd on node worker-1: its network namespace is gone','worker-1','');
INSERT INTO "events" VALUES(24,1795887791161388686,'Moved',X'FD000050000000000000000000000005','db','LEASED','bank','mysql-1','u2','eth0','banknet','b564532eb1b24798b1ec7fd4f2b109ec','plugin','ADD: from container bc1198d5422b4359b00d668438ad6ebd on node worker-1: its network namespace is gone','worker-1','');
INSERT INTO "events" VALUES(25,1795887792171882729,'Reserved',X'0A32003C','db','RESERVED','bank','kept','','eth0','','','uid 0 (root)','reserve bank/kept 10.50.0.60','worker-1','');
INSERT INTO "events" VALUES(26,1795887793509694917,'Reserved',X'0A32003D','db','RESERVED','bank','away','','eth0','','','uid 0 (root)','reserve bank/away 10.50.0.61','worker-1','');
INSERT INTO "events" VALUES(27,1795887793913255431,'Bound',X'0A32003C','db','HELD','bank','kept','u1','eth0','banknet','2c9be243325a4deb8290a7d78bb85915','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(28,1795887793913255431,'Bound',X'FD000050000000000000000000000006','db','LEASED','bank','kept','u1','eth0','banknet','2c9be243325a4deb8290a7d78bb85915','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(29,1795887795031297988,'Released',X'0A32003C','db','LEASED','bank','kept','','eth0','banknet','2c9be243325a4deb8290a7d78bb85915','uid 0 (root)','release 10.50.0.60','worker-1','');
INSERT INTO "events" VALUES(30,1795887795905919516,'Reserved',X'0A32003E','db','RESERVED','bank','over','','eth0','','','uid 0 (root)','reserve bank/over 10.50.0.62','worker-1','');
INSERT INTO "events" VALUES(31,1795887796676116064,'Released',X'0A32003E','db','FREE','bank','over','','eth0','','','uid 0 (root)','release 10.50.0.62','worker-1','');
INSERT INTO "events" VALUES(32,1795887796985271109,'Bound',X'0A330002','resting','LEASED','bank','short','u1','eth0','restingnet','ffb002472b1d4c34b77654b22024d5cc','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(33,1795887797147139468,'Unbound',X'0A330002','resting','FREE','bank','short','u1','eth0','restingnet','ffb002472b1d4c34b77654b22024d5cc','plugin','DEL','worker-1','');
INSERT INTO "events" VALUES(34,1795887797362149741,'Bound',X'0A330003','resting','LEASED','bank','other','u1','eth0','restingnet','7669784eb88b44169bacea2a262fe06f','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(35,1795887797665019719,'Unbound',X'0A330003','resting','FREE','bank','other','u1','eth0','restingnet','7669784eb88b44169bacea2a262fe06f','plugin','DEL','worker-1','');
INSERT INTO "events" VALUES(36,1795887797823289008,'Reserved',X'0A340003','oldest','RESERVED','bank','sticky','u1','eth0','','','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(37,1795887797823289008,'Bound',X'0A340003','oldest','HELD','bank','sticky','u1','eth0','oldestnet','52fb1b4f374546c59fdfb064d8b3b1b0','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(38,1795887798016985529,'Unbound',X'0A340003','oldest','RESERVED','bank','sticky','u1','eth0','oldestnet','52fb1b4f374546c59fdfb064d8b3b1b0','plugin','DEL','worker-1','');
INSERT INTO "events" VALUES(39,1795887798594730650,'Bound',X'0A3200C8','db','LEASED','','','','eth0','oldnet','0123456789abcdef','uid 0 (root)','import host-local /var/lib/cni/networks/oldnet','worker-1','');
INSERT INTO "events" VALUES(40,1795887798929104500,'Bound',X'0A320003','db','LEASED','bank','halfway','u1','eth0','banknet','68e1a4478cf44cb68b55b641c427ce72','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(41,1795887798929104500,'Bound',X'FD000050000000000000000000000007','db','LEASED','bank','halfway','u1','eth0','banknet','68e1a4478cf44cb68b55b641c427ce72','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(42,1795887799113294784,'Bound',X'0A320004','db','LEASED','bank','leaving','u1','eth0','banknet','3e858631e0e34c2eb58f91f4f7072598','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(43,1795887799113294784,'Bound',X'FD000050000000000000000000000008','db','LEASED','bank','leaving','u1','eth0','banknet','3e858631e0e34c2eb58f91f4f7072598','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(44,1795887799312838954,'Bound',X'0A320005','db','LEASED','bank','intent','u1','eth0','banknet','896c18d89f444466b2c4d5127eb8a547','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(45,1795887799312838954,'Bound',X'FD000050000000000000000000000009','db','LEASED','bank','intent','u1','eth0','banknet','896c18d89f444466b2c4d5127eb8a547','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(46,1795887800321320551,'Bound',X'0A320006','db','LEASED','bank','ran','','eth0','runnet','run-0001','plugin','ADD','worker-1','');
INSERT INTO "events" VALUES(47,1795887800321320551,'Bound',X'FD00005000000000000000000000000A','db','LEASED','bank','ran','','eth0','runnet','run-0001','plugin','ADD','worker-1','');
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
INSERT INTO "leases" VALUES(X'0A320002',4,'db','banknet','ab829671a4a446bbac529dba052c254d','eth0','bank','batch','u1','/var/run/netns/pod3-7a889c6f','worker-1',1795887789465314524);
INSERT INTO "leases" VALUES(X'0A320003',4,'db','banknet','68e1a4478cf44cb68b55b641c427ce72','eth0','bank','halfway','u1','/var/run/netns/pod13-5b7b3305','worker-1',1795887798929104500);
INSERT INTO "leases" VALUES(X'0A320004',4,'db','banknet','3e858631e0e34c2eb58f91f4f7072598','eth0','bank','leaving','u1','/var/run/netns/pod14-88dfd15d','worker-1',1795887799113294784);
INSERT INTO "leases" VALUES(X'0A320005',4,'db','banknet','896c18d89f444466b2c4d5127eb8a547','eth0','bank','intent','u1','/var/run/netns/pod12-459ec289','worker-1',1795887799312838954);
INSERT INTO "leases" VALUES(X'0A320006',4,'db','runnet','run-0001','eth0','bank','ran','','/run/netns/run-0001','worker-1',1795887800321320551);
INSERT INTO "leases" VALUES(X'0A32000B',4,'db','banknet','06503b9b881244a78918c9040998dbcb','eth0','bank','mysql-0','u1','/var/run/netns/pod1-d7b6f834','worker-1',1795887788842719614);
INSERT INTO "leases" VALUES(X'0A32000C',4,'db','banknet','b564532eb1b24798b1ec7fd4f2b109ec','eth0','bank','mysql-1','u2','/var/run/netns/pod8-2d8b7ed6','worker-1',1795887791161388686);
INSERT INTO "leases" VALUES(X'0A320014',4,'db','banknet','3aa941aa23ac43179b3a57329c461e45','eth0','bank','web-7d4b9c8f5-x2x9k','u1','/var/run/netns/pod4-8cc38431','worker-1',1795887789724885018);
INSERT INTO "leases" VALUES(X'0A32001E',4,'db','banknet','5481c9cb69224a49a697993eaed5df46','eth0','bank','tuned','u1','/var/run/netns/pod2-c05bf543','worker-1',1795887789097266223);
INSERT INTO "leases" VALUES(X'0A32003C',4,'db','banknet','2c9be243325a4deb8290a7d78bb85915','eth0','bank','kept','u1','/var/run/netns/pod8-a86ad154','worker-1',1795887793913255431);
INSERT INTO "leases" VALUES(X'0A3200C8',4,'db','oldnet','0123456789abcdef','eth0','','','','','worker-1',1795887798594730650);
INSERT INTO "leases" VALUES(X'0A340002',4,'oldest','macnet','4425d6b320634188a77a0b4bc5cfa4b5','eth0','bank','upstairs','u1','/var/run/netns/pod6-d007f563','worker-1',1795887790569723453);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000002',6,'db','banknet','06503b9b881244a78918c9040998dbcb','eth0','bank','mysql-0','u1','/var/run/netns/pod1-d7b6f834','worker-1',1795887788842719614);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000003',6,'db','banknet','ab829671a4a446bbac529dba052c254d','eth0','bank','batch','u1','/var/run/netns/pod3-7a889c6f','worker-1',1795887789465314524);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000004',6,'db','banknet','3aa941aa23ac43179b3a57329c461e45','eth0','bank','web-7d4b9c8f5-x2x9k','u1','/var/run/netns/pod4-8cc38431','worker-1',1795887789724885018);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000005',6,'db','banknet','b564532eb1b24798b1ec7fd4f2b109ec','eth0','bank','mysql-1','u2','/var/run/netns/pod8-2d8b7ed6','worker-1',1795887791161388686);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000006',6,'db','banknet','2c9be243325a4deb8290a7d78bb85915','eth0','bank','kept','u1','/var/run/netns/pod8-a86ad154','worker-1',1795887793913255431);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000007',6,'db','banknet','68e1a4478cf44cb68b55b641c427ce72','eth0','bank','halfway','u1','/var/run/netns/pod13-5b7b3305','worker-1',1795887798929104500);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000008',6,'db','banknet','3e858631e0e34c2eb58f91f4f7072598','eth0','bank','leaving','u1','/var/run/netns/pod14-88dfd15d','worker-1',1795887799113294784);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000009',6,'db','banknet','896c18d89f444466b2c4d5127eb8a547','eth0','bank','intent','u1','/var/run/netns/pod12-459ec289','worker-1',1795887799312838954);
INSERT INTO "leases" VALUES(X'FD00005000000000000000000000000A',6,'db','runnet','run-0001','eth0','bank','ran','','/run/netns/run-0001','worker-1',1795887800321320551);
INSERT INTO "leases" VALUES(X'FD000050000000000000000000000030',6,'db','banknet','5481c9cb69224a49a697993eaed5df46','eth0','bank','tuned','u1','/var/run/netns/pod2-c05bf543','worker-1',1795887789097266223);
CREATE TABLE migrations (
    version INTEGER PRIMARY KEY, time INTEGER NOT NULL, podberth TEXT NOT NULL
) STRICT;
INSERT INTO "migrations" VALUES(1,1795887788257282102,'0.1.0');
INSERT INTO "migrations" VALUES(2,1795887788257870403,'0.1.0');
INSERT INTO "migrations" VALUES(3,1795887788258423753,'0.1.0');
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
INSERT INTO "reservations" VALUES(X'0A32000B',4,'db','bank','mysql-0','eth0','declared',1795887788354394769);
INSERT INTO "reservations" VALUES(X'0A32000C',4,'db','bank','mysql-1','eth0','declared',1795887788354603839);
INSERT INTO "reservations" VALUES(X'0A32000D',4,'db','bank','mysql-2','eth0','declared',1795887788354650909);
INSERT INTO "reservations" VALUES(X'0A320014',4,'db','bank','deployment/web','eth0','declared',1795887788354685540);
INSERT INTO "reservations" VALUES(X'0A320015',4,'db','bank','deployment/web','eth0','declared',1795887788354719180);
INSERT INTO "reservations" VALUES(X'0A32001E',4,'db','bank','tuned','eth0','declared',1795887788354748723);
INSERT INTO "reservations" VALUES(X'0A32003D',4,'db','bank','away','eth0','manual',1795887793509694917);
INSERT INTO "reservations" VALUES(X'0A340003',4,'oldest','bank','sticky','eth0','sticky',1795887797823289008);
INSERT INTO "reservations" VALUES(X'FD000050000000000000000000000030',6,'db','bank','tuned','eth0','declared',1795887788354803364);
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
