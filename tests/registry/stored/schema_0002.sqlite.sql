BEGIN TRANSACTION;
CREATE TABLE rt_alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT rt_alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "rt_alembic_version" VALUES('0002');
CREATE TABLE rt_aliases (
	model_id INTEGER NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	version_id INTEGER NOT NULL, 
	updated_at DATETIME NOT NULL, gated BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_rt_aliases PRIMARY KEY (model_id, name), 
	CONSTRAINT fk_rt_aliases_model_id FOREIGN KEY(model_id) REFERENCES rt_models (id) ON DELETE RESTRICT, 
	CONSTRAINT fk_rt_aliases_version_id FOREIGN KEY(version_id) REFERENCES rt_versions (id) ON DELETE RESTRICT
);
INSERT INTO "rt_aliases" VALUES(1,'champion',2,'2026-11-20 08:00:05.000000',0);
INSERT INTO "rt_aliases" VALUES(2,'production',6,'2026-11-20 11:45:06.904648',1);
CREATE TABLE rt_artifacts (
	version_id INTEGER NOT NULL, 
	path VARCHAR(255) NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	digest VARCHAR(80) NOT NULL, 
	CONSTRAINT pk_rt_artifacts PRIMARY KEY (version_id, path), 
	CONSTRAINT fk_rt_artifacts_version_id FOREIGN KEY(version_id) REFERENCES rt_versions (id) ON DELETE RESTRICT, 
	CONSTRAINT fk_rt_artifacts_digest FOREIGN KEY(digest) REFERENCES rt_blobs (digest) ON DELETE RESTRICT
);
INSERT INTO "rt_artifacts" VALUES(1,'model.safetensors','weights','sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c');
INSERT INTO "rt_artifacts" VALUES(2,'model.safetensors','weights','sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c');
INSERT INTO "rt_artifacts" VALUES(3,'model.safetensors','weights','sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c');
INSERT INTO "rt_artifacts" VALUES(4,'model.safetensors','weights','sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2');
INSERT INTO "rt_artifacts" VALUES(5,'model.safetensors','weights','sha256:64232cab5ff32163b44351a04b752b9c64237a48a7c05ae1533b5ddf11a4fe55');
INSERT INTO "rt_artifacts" VALUES(6,'model.safetensors','weights','sha256:c10b8784b201937882227ca1cca4a6d7aaf2bf1a6e1bc7538df1aa243df5e9a7');
CREATE TABLE rt_blobs (
	digest VARCHAR(80) NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	created_at DATETIME NOT NULL, collected_at DATETIME, composed BOOLEAN DEFAULT 0 NOT NULL, 
	CONSTRAINT pk_rt_blobs PRIMARY KEY (digest)
);
INSERT INTO "rt_blobs" VALUES('sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c',7,'2026-11-20 08:00:01.000000',NULL,0);
INSERT INTO "rt_blobs" VALUES('sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2',2168994,'2026-11-20 11:45:06.858063',NULL,0);
INSERT INTO "rt_blobs" VALUES('sha256:64232cab5ff32163b44351a04b752b9c64237a48a7c05ae1533b5ddf11a4fe55',2168994,'2026-11-20 11:45:06.869223',NULL,1);
INSERT INTO "rt_blobs" VALUES('sha256:fc415ff6a8fa561897f0ba0022e6a3bd8dc1f33ce0459bd4197905ad9599b911',71842,'2026-11-20 11:45:06.869223',NULL,0);
INSERT INTO "rt_blobs" VALUES('sha256:c10b8784b201937882227ca1cca4a6d7aaf2bf1a6e1bc7538df1aa243df5e9a7',2168994,'2026-11-20 11:45:06.878962',NULL,1);
INSERT INTO "rt_blobs" VALUES('sha256:d0b995361f0eb4ce1b353f1e22a58b504fe371f298317ca2af044e1e7acb01e5',71842,'2026-11-20 11:45:06.878962',NULL,0);
CREATE TABLE rt_data (
	version_id INTEGER NOT NULL, 
	name VARCHAR(190) NOT NULL, 
	digest VARCHAR(190) NOT NULL, 
	CONSTRAINT pk_rt_data PRIMARY KEY (version_id, name), 
	CONSTRAINT fk_rt_data_version_id FOREIGN KEY(version_id) REFERENCES rt_versions (id) ON DELETE RESTRICT
);
INSERT INTO "rt_data" VALUES(1,'train','sha256:1');
INSERT INTO "rt_data" VALUES(2,'train','sha256:1');
INSERT INTO "rt_data" VALUES(3,'train','sha256:1');
INSERT INTO "rt_data" VALUES(4,'train','sha256:0000000000000000000000000000000000000000000000000000000000000000');
INSERT INTO "rt_data" VALUES(4,'data_dir/a.csv','sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
INSERT INTO "rt_data" VALUES(5,'train','sha256:0000000000000000000000000000000000000000000000000000000000000001');
INSERT INTO "rt_data" VALUES(5,'data_dir/a.csv','sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
INSERT INTO "rt_data" VALUES(6,'train','sha256:0000000000000000000000000000000000000000000000000000000000000002');
INSERT INTO "rt_data" VALUES(6,'data_dir/a.csv','sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
CREATE TABLE rt_events (
	model_id INTEGER NOT NULL, 
	seq INTEGER NOT NULL, 
	at DATETIME NOT NULL, 
	who VARCHAR(255) NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	version VARCHAR(100), 
	hash VARCHAR(64) NOT NULL, 
	facts TEXT NOT NULL, 
	CONSTRAINT pk_rt_events PRIMARY KEY (model_id, seq), 
	CONSTRAINT fk_rt_events_model_id FOREIGN KEY(model_id) REFERENCES rt_models (id) ON DELETE RESTRICT
);
INSERT INTO "rt_events" VALUES(1,1,'2026-11-20 11:45:06.798338','ada','registered','1.0.0','9cb7f4169510e0d7de86fd96c8cb52c7a9aff3d4476a11d6f80ebea1248befec','{"bump":"first","digest":"sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c","forced":false,"number":1}');
INSERT INTO "rt_events" VALUES(1,2,'2026-11-20 11:45:06.805679','ada','registered','1.1.0','0aa41babd88560ab05d92b99af44b8fb847e74c7aea5889c0669da0a84718e95','{"bump":"minor","digest":"sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c","forced":false,"number":2}');
INSERT INTO "rt_events" VALUES(1,3,'2026-11-20 11:45:06.812572','ada','registered','2.0.0-rc.1','dbe2b2ac7923bfe346aabbc6e09a06666af42269653f2fd93d6d50dc1b5cd7ad','{"bump":"major","digest":"sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c","forced":false,"number":3}');
INSERT INTO "rt_events" VALUES(1,4,'2026-11-20 11:45:06.828621','ada','alias_set','1.1.0','eef2a007bbe06c664edb64f2e8d74b8c0889df839e541dea71db42dc24ab3d37','{"alias":"champion","before":null}');
INSERT INTO "rt_events" VALUES(2,1,'2026-11-20 11:45:06.858063','ada','registered','1.0.0','ece53ed2a7f1926f5ea67643901bec03000aa5487a599a52f52317f91391e2fa','{"bump":"first","digest":"sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2","forced":false,"number":1}');
INSERT INTO "rt_events" VALUES(2,2,'2026-11-20 11:45:06.869223','ada','registered','1.1.0','a9008b10faf11da09f149ed673aa92a1a18fcb4ea895402c5d3e30fc11c29eb7','{"bump":"minor","digest":"sha256:64232cab5ff32163b44351a04b752b9c64237a48a7c05ae1533b5ddf11a4fe55","forced":false,"number":2}');
INSERT INTO "rt_events" VALUES(2,3,'2026-11-20 11:45:06.878962','ada','registered','1.2.0','2df4e7bfe036214046f609e369fc44a941eabd2106140fa640907ae01b48244a','{"bump":"minor","digest":"sha256:c10b8784b201937882227ca1cca4a6d7aaf2bf1a6e1bc7538df1aa243df5e9a7","forced":false,"number":3}');
INSERT INTO "rt_events" VALUES(2,4,'2026-11-20 11:45:06.895940','ada','policy_set',NULL,'c554d6c69485e0451b62a390cf2afcf3c7a6306a4662929a1e3bd0e4efc7ecde','{"before":null,"policy":{"retention":{"keep_newest":1},"stages":{"production":{"require":{"val/loss":"< 1"}}}}}');
INSERT INTO "rt_events" VALUES(2,5,'2026-11-20 11:45:06.897808','ada','tagged','1.1.0','1855fb0edda5852b1b34f70d24a6b623430ce14f976e36507d7c54f758863d80','{"before":null,"tag":"team","value":"vision"}');
INSERT INTO "rt_events" VALUES(2,6,'2026-11-20 11:45:06.900375','ada','described','1.1.0','75ce6e8d9431b91fd1abcf88ed1d59bdc3326369af9e2bfa5cf50391294bfb74','{"text":"Gr\u00f6\u00dfer"}');
INSERT INTO "rt_events" VALUES(1,5,'2026-11-20 11:45:06.902053','ada','pinned','1.0.0','11a1af21a0f41ec167df70994cf5b5415383d776d0d86ddaae9e678cc89af5b8','{}');
INSERT INTO "rt_events" VALUES(2,7,'2026-11-20 11:45:06.904648','ada','promoted','1.2.0','c769429e24a67bf0bc69f5ec84d9f2c1a1f71b42b209f7a1818d2ff27fda6f6c','{"before":null,"evidence":[{"found":"ready","gate":"the version is ready","passed":true},{"found":"0.3","gate":"val/loss < 1","passed":true},{"found":"none","gate":"no ancestor is deprecated","passed":true}],"stage":"production"}');
INSERT INTO "rt_events" VALUES(1,6,'2026-11-20 11:45:06.907028','ada','deprecated','2.0.0-rc.1','8de3635b968371b5da54e43316f5eaa76fd8f2f285a17c3b17a204d41fecf1e1','{"reason":"overfits","successor":"digits@1.1.0","successor_home":{"model":"digits","number":2,"registry":"2aaab2d2-73af-47e9-8a5e-a0e7a2906e6f","version":"1.1.0"}}');
INSERT INTO "rt_events" VALUES(2,8,'2026-11-20 11:45:06.909898','ada','archived','1.1.0','6b74e4cf692404105a7bc54a3c4b377c4d83f2629a9af31ed959ba37ba64cf89','{"reason":"too slow"}');
INSERT INTO "rt_events" VALUES(2,9,'2026-11-20 11:45:06.911575','ada','expired','1.0.0','839b59f67a95940a3badb5d31199e1ccae0fb50262aa5bcf3ca705ae7bbb14bd','{"reason":"deleted by hand"}');
CREATE TABLE rt_exports (
	version_id INTEGER NOT NULL, 
	format VARCHAR(32) NOT NULL, 
	passed BOOLEAN NOT NULL, 
	digest VARCHAR(80), 
	created_at DATETIME NOT NULL, 
	report JSON NOT NULL, 
	CONSTRAINT pk_rt_exports PRIMARY KEY (version_id, format), 
	CONSTRAINT fk_rt_exports_digest FOREIGN KEY(digest) REFERENCES rt_blobs (digest) ON DELETE RESTRICT, 
	CONSTRAINT fk_rt_exports_version_id FOREIGN KEY(version_id) REFERENCES rt_versions (id) ON DELETE RESTRICT
);
INSERT INTO "rt_exports" VALUES(6,'onnx',1,NULL,'2026-11-20 08:00:06.000000','{"opset": 18}');
CREATE TABLE rt_lineage (
	child_id INTEGER NOT NULL, 
	parent_id INTEGER NOT NULL, 
	relation VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_rt_lineage PRIMARY KEY (child_id, parent_id, relation), 
	CONSTRAINT fk_rt_lineage_child_id FOREIGN KEY(child_id) REFERENCES rt_versions (id) ON DELETE RESTRICT, 
	CONSTRAINT fk_rt_lineage_parent_id FOREIGN KEY(parent_id) REFERENCES rt_versions (id) ON DELETE RESTRICT
);
INSERT INTO "rt_lineage" VALUES(2,1,'fine_tuned_from');
INSERT INTO "rt_lineage" VALUES(3,1,'fine_tuned_from');
CREATE TABLE rt_marks (
	version_id INTEGER NOT NULL, 
	pinned BOOLEAN DEFAULT 0 NOT NULL, 
	status_before VARCHAR(16), 
	status_at DATETIME, 
	status_reason TEXT, 
	deprecation TEXT, 
	successor VARCHAR(165), 
	expired_tick DOUBLE, 
	CONSTRAINT pk_rt_marks PRIMARY KEY (version_id), 
	CONSTRAINT fk_rt_marks_version_id FOREIGN KEY(version_id) REFERENCES rt_versions (id) ON DELETE RESTRICT
);
INSERT INTO "rt_marks" VALUES(1,1,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "rt_marks" VALUES(3,0,'ready','2026-11-20 11:45:06.907028','overfits','overfits','digits@1.1.0',NULL);
INSERT INTO "rt_marks" VALUES(4,0,'ready','2026-11-20 11:45:06.911575','deleted by hand',NULL,NULL,0.146961);
INSERT INTO "rt_marks" VALUES(5,0,'ready','2026-11-20 11:45:06.909898','too slow',NULL,NULL,NULL);
CREATE TABLE rt_metrics (
	version_id INTEGER NOT NULL, 
	name VARCHAR(190) NOT NULL, 
	value DOUBLE NOT NULL, 
	CONSTRAINT pk_rt_metrics PRIMARY KEY (version_id, name), 
	CONSTRAINT fk_rt_metrics_version_id FOREIGN KEY(version_id) REFERENCES rt_versions (id) ON DELETE RESTRICT
);
INSERT INTO "rt_metrics" VALUES(1,'val/loss',0.5);
INSERT INTO "rt_metrics" VALUES(2,'val/loss',0.5);
INSERT INTO "rt_metrics" VALUES(3,'val/loss',0.5);
INSERT INTO "rt_metrics" VALUES(4,'val/loss',0.5);
INSERT INTO "rt_metrics" VALUES(5,'val/loss',0.4);
INSERT INTO "rt_metrics" VALUES(6,'val/loss',0.3);
CREATE TABLE rt_models (
	id INTEGER NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	next_number INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, events INTEGER DEFAULT '0' NOT NULL, head VARCHAR(64) DEFAULT '' NOT NULL, policy JSON, 
	CONSTRAINT pk_rt_models PRIMARY KEY (id), 
	CONSTRAINT uq_rt_models_name UNIQUE (name)
);
INSERT INTO "rt_models" VALUES(1,'digits',4,'2026-11-20 08:00:01.000000',6,'8de3635b968371b5da54e43316f5eaa76fd8f2f285a17c3b17a204d41fecf1e1',NULL);
INSERT INTO "rt_models" VALUES(2,'large',4,'2026-11-20 11:45:06.858063',9,'839b59f67a95940a3badb5d31199e1ccae0fb50262aa5bcf3ca705ae7bbb14bd','{"retention": {"keep_newest": 1}, "stages": {"production": {"require": {"val/loss": "< 1"}}}}');
CREATE TABLE rt_origins (
	version_id INTEGER NOT NULL, 
	registry_uid VARCHAR(36) NOT NULL, 
	model VARCHAR(64) NOT NULL, 
	version VARCHAR(100) NOT NULL, 
	number INTEGER NOT NULL, 
	CONSTRAINT pk_rt_origins PRIMARY KEY (version_id), 
	CONSTRAINT uq_rt_origins_registry_uid_model_version UNIQUE (registry_uid, model, version), 
	CONSTRAINT fk_rt_origins_version_id FOREIGN KEY(version_id) REFERENCES rt_versions (id) ON DELETE RESTRICT
);
INSERT INTO "rt_origins" VALUES(6,'00000000-0000-4000-8000-000000000000','elsewhere','3.1.0',7);
CREATE TABLE rt_params (
	id INTEGER NOT NULL, 
	name VARCHAR(190) NOT NULL, 
	value VARCHAR(255) NOT NULL, 
	number DOUBLE, 
	CONSTRAINT pk_rt_params PRIMARY KEY (id), 
	CONSTRAINT uq_rt_params_name_value UNIQUE (name, value)
);
INSERT INTO "rt_params" VALUES(1,'optimizer.lr','0.1',0.1);
INSERT INTO "rt_params" VALUES(2,'optimizer.lr','0.01',0.01);
CREATE TABLE rt_parts (
	digest VARCHAR(80) NOT NULL, 
	position INTEGER NOT NULL, 
	source VARCHAR(80) NOT NULL, 
	start BIGINT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	CONSTRAINT pk_rt_parts PRIMARY KEY (digest, position), 
	CONSTRAINT fk_rt_parts_digest FOREIGN KEY(digest) REFERENCES rt_blobs (digest) ON DELETE RESTRICT, 
	CONSTRAINT fk_rt_parts_source FOREIGN KEY(source) REFERENCES rt_blobs (digest) ON DELETE RESTRICT
);
INSERT INTO "rt_parts" VALUES('sha256:64232cab5ff32163b44351a04b752b9c64237a48a7c05ae1533b5ddf11a4fe55',0,'sha256:fc415ff6a8fa561897f0ba0022e6a3bd8dc1f33ce0459bd4197905ad9599b911',0,71842);
INSERT INTO "rt_parts" VALUES('sha256:64232cab5ff32163b44351a04b752b9c64237a48a7c05ae1533b5ddf11a4fe55',1,'sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2',71842,2097152);
INSERT INTO "rt_parts" VALUES('sha256:c10b8784b201937882227ca1cca4a6d7aaf2bf1a6e1bc7538df1aa243df5e9a7',0,'sha256:d0b995361f0eb4ce1b353f1e22a58b504fe371f298317ca2af044e1e7acb01e5',0,71842);
INSERT INTO "rt_parts" VALUES('sha256:c10b8784b201937882227ca1cca4a6d7aaf2bf1a6e1bc7538df1aa243df5e9a7',1,'sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2',71842,2097152);
CREATE TABLE rt_registry (
	id INTEGER NOT NULL, 
	uid VARCHAR(36) NOT NULL, 
	seconds DOUBLE NOT NULL, 
	witnessed_at DATETIME NOT NULL, 
	boot_id VARCHAR(64), 
	boottime DOUBLE, 
	CONSTRAINT pk_rt_registry PRIMARY KEY (id)
);
INSERT INTO "rt_registry" VALUES(1,'2aaab2d2-73af-47e9-8a5e-a0e7a2906e6f',0.146961,'2026-11-20 11:45:06.911579','3eafee7d-029d-402f-a5e7-9a201cc3818b',26513.86360649);
CREATE TABLE rt_run_inputs (
	run_id VARCHAR(64) NOT NULL, 
	version_id INTEGER NOT NULL, 
	relation VARCHAR(32) NOT NULL, 
	CONSTRAINT pk_rt_run_inputs PRIMARY KEY (run_id, version_id, relation), 
	CONSTRAINT fk_rt_run_inputs_run_id FOREIGN KEY(run_id) REFERENCES rt_runs (id) ON DELETE RESTRICT, 
	CONSTRAINT fk_rt_run_inputs_version_id FOREIGN KEY(version_id) REFERENCES rt_versions (id) ON DELETE RESTRICT
);
INSERT INTO "rt_run_inputs" VALUES('run-2',2,'fine_tuned_from');
CREATE TABLE rt_runs (
	id VARCHAR(64) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	run_dir VARCHAR(700) NOT NULL, 
	host VARCHAR(255) NOT NULL, 
	pid BIGINT, 
	pid_started DOUBLE, 
	boot_id VARCHAR(64), 
	resumed_from VARCHAR(700), 
	started_at DATETIME NOT NULL, 
	finished_at DATETIME, 
	seconds DOUBLE, 
	steps BIGINT, 
	epochs INTEGER, 
	error TEXT, 
	metrics JSON NOT NULL, 
	best JSON, 
	data JSON NOT NULL, 
	code JSON NOT NULL, 
	environment JSON NOT NULL, 
	config JSON NOT NULL, 
	CONSTRAINT pk_rt_runs PRIMARY KEY (id)
);
INSERT INTO "rt_runs" VALUES('run-1','digits','finished','/runs/digits','',NULL,NULL,NULL,NULL,'2026-11-20 07:00:00.000000','2026-11-20 07:30:00.000000',1.5,10,1,NULL,'{"val/loss": 0.5}','{"step": 10}','{}','{}','{}','{"optimizer": {"lr": 0.1}}');
INSERT INTO "rt_runs" VALUES('run-2','large','interrupted','/runs/large','',NULL,NULL,NULL,NULL,'2026-11-20 11:45:06.881527','2026-11-20 11:45:06.884670',NULL,NULL,NULL,NULL,'{}','null','{}','{}','{}','{}');
CREATE TABLE rt_segments (
	digest VARCHAR(80) NOT NULL, 
	blob VARCHAR(80) NOT NULL, 
	start BIGINT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	CONSTRAINT pk_rt_segments PRIMARY KEY (digest), 
	CONSTRAINT fk_rt_segments_blob FOREIGN KEY(blob) REFERENCES rt_blobs (digest) ON DELETE RESTRICT
);
INSERT INTO "rt_segments" VALUES('blake3:17deb741007ebaa36572ec5257fc01c6ee95d649905e82d5e6a7f98977507580','sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2',162,71680);
INSERT INTO "rt_segments" VALUES('blake3:b7c4d76896c69df59f1cb3f329b89650324506ef1eef0d6bd5b3b89bcc7445f8','sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2',71842,2097152);
INSERT INTO "rt_segments" VALUES('blake3:3026c3d1909707183fdd482108e7ed57a61272d8b876dec8bde6d9056f9454b7','sha256:fc415ff6a8fa561897f0ba0022e6a3bd8dc1f33ce0459bd4197905ad9599b911',162,71680);
INSERT INTO "rt_segments" VALUES('blake3:f703ff6658335d4bbeb0d30606383f42a48bdd594025d4614f79086c9c7cb4f5','sha256:d0b995361f0eb4ce1b353f1e22a58b504fe371f298317ca2af044e1e7acb01e5',162,71680);
CREATE TABLE rt_signatures (
	version_id INTEGER NOT NULL, 
	key_id VARCHAR(80) NOT NULL, 
	created_at DATETIME NOT NULL, 
	statement TEXT NOT NULL, 
	bundle TEXT NOT NULL, 
	CONSTRAINT pk_rt_signatures PRIMARY KEY (version_id, key_id), 
	CONSTRAINT fk_rt_signatures_version_id FOREIGN KEY(version_id) REFERENCES rt_versions (id) ON DELETE RESTRICT
);
INSERT INTO "rt_signatures" VALUES(6,'sha256:key','2026-11-20 08:00:06.000000','{}','{}');
CREATE TABLE rt_tags (
	version_id INTEGER NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	value VARCHAR(255) NOT NULL, 
	CONSTRAINT pk_rt_tags PRIMARY KEY (version_id, name), 
	CONSTRAINT fk_rt_tags_version_id FOREIGN KEY(version_id) REFERENCES rt_versions (id) ON DELETE RESTRICT
);
INSERT INTO "rt_tags" VALUES(5,'team','vision');
CREATE TABLE rt_version_params (
	param_id INTEGER NOT NULL, 
	version_id INTEGER NOT NULL, 
	CONSTRAINT pk_rt_version_params PRIMARY KEY (param_id, version_id), 
	CONSTRAINT fk_rt_version_params_param_id FOREIGN KEY(param_id) REFERENCES rt_params (id) ON DELETE RESTRICT, 
	CONSTRAINT fk_rt_version_params_version_id FOREIGN KEY(version_id) REFERENCES rt_versions (id) ON DELETE RESTRICT
)
 WITHOUT ROWID

;
INSERT INTO "rt_version_params" VALUES(1,1);
INSERT INTO "rt_version_params" VALUES(1,4);
INSERT INTO "rt_version_params" VALUES(1,5);
INSERT INTO "rt_version_params" VALUES(1,6);
INSERT INTO "rt_version_params" VALUES(2,2);
INSERT INTO "rt_version_params" VALUES(2,3);
CREATE TABLE rt_versions (
	id INTEGER NOT NULL, 
	model_id INTEGER NOT NULL, 
	number INTEGER NOT NULL, 
	major INTEGER NOT NULL, 
	minor INTEGER NOT NULL, 
	patch INTEGER NOT NULL, 
	prerelease VARCHAR(64) NOT NULL, 
	sort_key VARCHAR(400) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	run_id VARCHAR(64), 
	digest VARCHAR(80) NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	created_at DATETIME NOT NULL, 
	created_by VARCHAR(255) NOT NULL, 
	git_commit VARCHAR(64), 
	dirty BOOLEAN, 
	idempotency_key VARCHAR(128), 
	summary TEXT NOT NULL, 
	bump JSON NOT NULL, 
	metrics JSON NOT NULL, 
	signature JSON NOT NULL, 
	config JSON NOT NULL, 
	recipe JSON NOT NULL, 
	CONSTRAINT pk_rt_versions PRIMARY KEY (id), 
	CONSTRAINT uq_rt_versions_model_id_major_minor_patch_prerelease UNIQUE (model_id, major, minor, patch, prerelease), 
	CONSTRAINT uq_rt_versions_model_id_number UNIQUE (model_id, number), 
	CONSTRAINT uq_rt_versions_idempotency_key UNIQUE (idempotency_key), 
	CONSTRAINT fk_rt_versions_model_id FOREIGN KEY(model_id) REFERENCES rt_models (id) ON DELETE RESTRICT, 
	CONSTRAINT fk_rt_versions_run_id FOREIGN KEY(run_id) REFERENCES rt_runs (id) ON DELETE RESTRICT
);
INSERT INTO "rt_versions" VALUES(1,1,1,1,0,0,'','0000000001000000000000000000001','ready','run-1','sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c',7,'2026-11-20 08:00:01.000000','ada','abc',0,'key-0','','{"kind": "first", "computed": "first", "reasons": ["first version"], "overruled": null, "forced": false, "base": null}','{"val/loss": 0.5}','{"input": {"shape": [null, 64]}}','{"optimizer": {"lr": 0.1}}','{"config": null, "data": {"train": "sha256:1"}, "code": {"model.py": "sha256:2"}, "state": {"fc.weight": [[10, 64], "float32"]}}');
INSERT INTO "rt_versions" VALUES(2,1,2,1,1,0,'','0000000001000000000100000000001','ready','run-1','sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c',7,'2026-11-20 08:00:02.000000','ada','abc',0,'key-1','','{"kind": "minor", "computed": "minor", "reasons": ["optimizer.lr: 0.1 \u2192 0.01"], "overruled": null, "forced": false, "base": "1.0.0"}','{"val/loss": 0.5}','{"input": {"shape": [null, 64]}}','{"optimizer": {"lr": 0.01}}','{"config": null, "data": {"train": "sha256:1"}, "code": {"model.py": "sha256:2"}, "state": {"fc.weight": [[10, 64], "float32"]}}');
INSERT INTO "rt_versions" VALUES(3,1,3,2,0,0,'rc.1','00000000020000000000000000000003172630130303131','deprecated','run-1','sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c',7,'2026-11-20 08:00:03.000000','ada','abc',0,'key-2','','{"kind": "major", "computed": "patch", "reasons": ["same recipe"], "overruled": "version given", "forced": false, "base": "1.1.0"}','{"val/loss": 0.5}','{"input": {"shape": [null, 64]}}','{"optimizer": {"lr": 0.01}}','{"config": null, "data": {"train": "sha256:1"}, "code": {"model.py": "sha256:2"}, "state": {"fc.weight": [[10, 64], "float32"]}}');
INSERT INTO "rt_versions" VALUES(4,2,1,1,0,0,'','0000000001000000000000000000001','expired',NULL,'sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2',2168994,'2026-11-20 11:45:06.858063','ada',NULL,NULL,NULL,'','{"kind": "first", "computed": "first", "reasons": ["first version"], "overruled": null, "forced": false, "base": null}','{"val/loss": 0.5}','{}','{"optimizer": {"lr": 0.1}}','{"config": null, "data": {"train": "sha256:0000000000000000000000000000000000000000000000000000000000000000", "data_dir/a.csv": "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}, "code": {}, "state": {}}');
INSERT INTO "rt_versions" VALUES(5,2,2,1,1,0,'','0000000001000000000100000000001','archived',NULL,'sha256:64232cab5ff32163b44351a04b752b9c64237a48a7c05ae1533b5ddf11a4fe55',2168994,'2026-11-20 11:45:06.869223','ada',NULL,NULL,NULL,'Größer','{"kind": "minor", "computed": "minor", "reasons": ["data: train: sha256:000000000000 \u2192 sha256:000000000000"], "overruled": null, "forced": false, "base": "1.0.0"}','{"val/loss": 0.4}','{}','{"optimizer": {"lr": 0.1}}','{"config": null, "data": {"train": "sha256:0000000000000000000000000000000000000000000000000000000000000001", "data_dir/a.csv": "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}, "code": {}, "state": {}}');
INSERT INTO "rt_versions" VALUES(6,2,3,1,2,0,'','0000000001000000000200000000001','ready',NULL,'sha256:c10b8784b201937882227ca1cca4a6d7aaf2bf1a6e1bc7538df1aa243df5e9a7',2168994,'2026-11-20 11:45:06.878962','ada',NULL,NULL,NULL,'','{"kind": "minor", "computed": "minor", "reasons": ["data: train: sha256:000000000000 \u2192 sha256:000000000000"], "overruled": null, "forced": false, "base": "1.1.0"}','{"val/loss": 0.3}','{}','{"optimizer": {"lr": 0.1}}','{"config": null, "data": {"train": "sha256:0000000000000000000000000000000000000000000000000000000000000002", "data_dir/a.csv": "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}, "code": {}, "state": {}}');
CREATE INDEX ix_rt_runs_name_started_at ON rt_runs (name, started_at);
CREATE INDEX ix_rt_runs_run_dir ON rt_runs (run_dir);
CREATE INDEX ix_rt_runs_started_at ON rt_runs (started_at);
CREATE INDEX ix_rt_versions_order ON rt_versions (model_id, sort_key, status, prerelease, size_bytes);
CREATE INDEX ix_rt_versions_run_id ON rt_versions (run_id);
CREATE INDEX ix_rt_artifacts_digest ON rt_artifacts (digest);
CREATE INDEX ix_rt_lineage_parent_id ON rt_lineage (parent_id);
CREATE INDEX ix_rt_aliases_version_id ON rt_aliases (version_id);
CREATE INDEX ix_rt_tags_name_value ON rt_tags (name, value);
CREATE INDEX ix_rt_exports_digest ON rt_exports (digest);
CREATE INDEX ix_rt_run_inputs_version_id ON rt_run_inputs (version_id);
CREATE INDEX ix_rt_metrics_name_value ON rt_metrics (name, value);
CREATE INDEX ix_rt_versions_created_at ON rt_versions (created_at);
CREATE INDEX ix_rt_params_name_number ON rt_params (name, number);
CREATE INDEX ix_rt_data_digest ON rt_data (digest);
CREATE INDEX ix_rt_parts_source ON rt_parts (source);
CREATE INDEX ix_rt_segments_blob ON rt_segments (blob);
COMMIT;
