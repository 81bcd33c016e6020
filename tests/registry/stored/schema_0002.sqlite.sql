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
INSERT INTO "rt_aliases" VALUES(2,'production',6,'2026-11-20 09:34:25.488535',1);
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
INSERT INTO "rt_blobs" VALUES('sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2',2168994,'2026-11-20 09:34:25.441101',NULL,0);
INSERT INTO "rt_blobs" VALUES('sha256:64232cab5ff32163b44351a04b752b9c64237a48a7c05ae1533b5ddf11a4fe55',2168994,'2026-11-20 09:34:25.450172',NULL,1);
INSERT INTO "rt_blobs" VALUES('sha256:fc415ff6a8fa561897f0ba0022e6a3bd8dc1f33ce0459bd4197905ad9599b911',71842,'2026-11-20 09:34:25.450172',NULL,0);
INSERT INTO "rt_blobs" VALUES('sha256:c10b8784b201937882227ca1cca4a6d7aaf2bf1a6e1bc7538df1aa243df5e9a7',2168994,'2026-11-20 09:34:25.459287',NULL,1);
INSERT INTO "rt_blobs" VALUES('sha256:d0b995361f0eb4ce1b353f1e22a58b504fe371f298317ca2af044e1e7acb01e5',71842,'2026-11-20 09:34:25.459287',NULL,0);
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
INSERT INTO "rt_events" VALUES(1,1,'2026-11-20 09:34:25.380695','ada','registered','1.0.0','8d95ea1a79f4c83ec0f5324627f708e0c9c474e5d3e4b572e939d0dc6cae7834','{"bump":"first","digest":"sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c","forced":false,"number":1}');
INSERT INTO "rt_events" VALUES(1,2,'2026-11-20 09:34:25.388772','ada','registered','1.1.0','dabf0839ab0d3ed441918e80c4d33084ff5f17ad738dd934dcc0ea2c94b7f21b','{"bump":"minor","digest":"sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c","forced":false,"number":2}');
INSERT INTO "rt_events" VALUES(1,3,'2026-11-20 09:34:25.394736','ada','registered','2.0.0-rc.1','ec4b849381e39ea313baef8c9e14619458896319580b294dfd39e1feac26ed27','{"bump":"major","digest":"sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c","forced":false,"number":3}');
INSERT INTO "rt_events" VALUES(1,4,'2026-11-20 09:34:25.411884','ada','alias_set','1.1.0','575a2d060cd0216db9cac4eeab9ee2cb83a888c5cf04550ab53e029d1b645d45','{"alias":"champion","before":null}');
INSERT INTO "rt_events" VALUES(2,1,'2026-11-20 09:34:25.441101','ada','registered','1.0.0','00ac6bf8268c3f83318d90aca12c2a45c5dd86bc57485e6eb2aa5bc9feb33c9d','{"bump":"first","digest":"sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2","forced":false,"number":1}');
INSERT INTO "rt_events" VALUES(2,2,'2026-11-20 09:34:25.450172','ada','registered','1.1.0','4f4b3095df6d82faa57904e7b86525025f4733c94fff9ddae4a8e7439c1a5b5c','{"bump":"minor","digest":"sha256:64232cab5ff32163b44351a04b752b9c64237a48a7c05ae1533b5ddf11a4fe55","forced":false,"number":2}');
INSERT INTO "rt_events" VALUES(2,3,'2026-11-20 09:34:25.459287','ada','registered','1.2.0','9995cf1f1dc58a2d1e5a496bf2c200ed1baa23056ab3eba6c2b33a8fc912f967','{"bump":"minor","digest":"sha256:c10b8784b201937882227ca1cca4a6d7aaf2bf1a6e1bc7538df1aa243df5e9a7","forced":false,"number":3}');
INSERT INTO "rt_events" VALUES(2,4,'2026-11-20 09:34:25.477313','ada','policy_set',NULL,'814c21b368d9a7f74dee5815b9ebca62b5dd5cdb8571130271ee35ae51426373','{"before":null,"policy":{"retention":{"keep_newest":1},"stages":{"production":{"require":{"val/loss":"< 1"}}}}}');
INSERT INTO "rt_events" VALUES(2,5,'2026-11-20 09:34:25.479960','ada','tagged','1.1.0','aad22d1fff30145e98d9aa171ce69ebe635a8bb1573a805d1fdd438f6a825598','{"before":null,"tag":"team","value":"vision"}');
INSERT INTO "rt_events" VALUES(2,6,'2026-11-20 09:34:25.482914','ada','described','1.1.0','4f73a5df2b9ed92fc6c21590ca02aa525b1708e5cc4e62fa7e6ea1db894a9156','{"text":"Gr\u00f6\u00dfer"}');
INSERT INTO "rt_events" VALUES(1,5,'2026-11-20 09:34:25.485120','ada','pinned','1.0.0','afd70d4f86f3a045ba7df4558645c0be0d69c03f5d7a2c4c4f49206dc96c50b6','{}');
INSERT INTO "rt_events" VALUES(2,7,'2026-11-20 09:34:25.488535','ada','promoted','1.2.0','b510508b19d5a3bc99de99716f797058a34bb145c075796df95e33b22d4c0ff9','{"before":null,"evidence":[{"found":"ready","gate":"the version is ready","passed":true},{"found":"0.3","gate":"val/loss < 1","passed":true},{"found":"none","gate":"no ancestor is deprecated","passed":true}],"stage":"production"}');
INSERT INTO "rt_events" VALUES(1,6,'2026-11-20 09:34:25.491341','ada','deprecated','2.0.0-rc.1','8976aceac8683c2b5f668b9b434b1953526fefe51e2b1f9f0dbe085e3133dc29','{"reason":"overfits","successor":"digits@1.1.0"}');
INSERT INTO "rt_events" VALUES(2,8,'2026-11-20 09:34:25.494029','ada','archived','1.1.0','3503b6186d92bd3818e63726397ff43d18d7c01f998a7499c976c5b86a5f7b90','{"reason":"too slow"}');
INSERT INTO "rt_events" VALUES(2,9,'2026-11-20 09:34:25.496238','ada','expired','1.0.0','1883d20a6946d142ce9904372b86e82689c05f9a8b8b71b5115302b4a1e2c98e','{"reason":"deleted by hand"}');
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
	successor VARCHAR(140), 
	expired_tick DOUBLE, 
	CONSTRAINT pk_rt_marks PRIMARY KEY (version_id), 
	CONSTRAINT fk_rt_marks_version_id FOREIGN KEY(version_id) REFERENCES rt_versions (id) ON DELETE RESTRICT
);
INSERT INTO "rt_marks" VALUES(1,1,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "rt_marks" VALUES(3,0,'ready','2026-11-20 09:34:25.491341','overfits','overfits','digits@1.1.0',NULL);
INSERT INTO "rt_marks" VALUES(4,0,'ready','2026-11-20 09:34:25.496238','deleted by hand',NULL,NULL,0.144676);
INSERT INTO "rt_marks" VALUES(5,0,'ready','2026-11-20 09:34:25.494029','too slow',NULL,NULL,NULL);
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
INSERT INTO "rt_models" VALUES(1,'digits',4,'2026-11-20 08:00:01.000000',6,'8976aceac8683c2b5f668b9b434b1953526fefe51e2b1f9f0dbe085e3133dc29',NULL);
INSERT INTO "rt_models" VALUES(2,'large',4,'2026-11-20 09:34:25.441101',9,'1883d20a6946d142ce9904372b86e82689c05f9a8b8b71b5115302b4a1e2c98e','{"retention": {"keep_newest": 1}, "stages": {"production": {"require": {"val/loss": "< 1"}}}}');
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
INSERT INTO "rt_registry" VALUES(1,'aaef557d-a343-4ea4-b5d7-42cb7b4e1c3b',0.144676,'2026-11-20 09:34:25.496243','3eafee7d-029d-402f-a5e7-9a201cc3818b',18672.448273149);
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
INSERT INTO "rt_runs" VALUES('run-2','large','interrupted','/runs/large','',NULL,NULL,NULL,NULL,'2026-11-20 09:34:25.462329','2026-11-20 09:34:25.465867',NULL,NULL,NULL,NULL,'{}','null','{}','{}','{}','{}');
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
INSERT INTO "rt_versions" VALUES(4,2,1,1,0,0,'','0000000001000000000000000000001','expired',NULL,'sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2',2168994,'2026-11-20 09:34:25.441101','ada',NULL,NULL,NULL,'','{"kind": "first", "computed": "first", "reasons": ["first version"], "overruled": null, "forced": false, "base": null}','{"val/loss": 0.5}','{}','{"optimizer": {"lr": 0.1}}','{"config": null, "data": {"train": "sha256:0000000000000000000000000000000000000000000000000000000000000000", "data_dir/a.csv": "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}, "code": {}, "state": {}}');
INSERT INTO "rt_versions" VALUES(5,2,2,1,1,0,'','0000000001000000000100000000001','archived',NULL,'sha256:64232cab5ff32163b44351a04b752b9c64237a48a7c05ae1533b5ddf11a4fe55',2168994,'2026-11-20 09:34:25.450172','ada',NULL,NULL,NULL,'Größer','{"kind": "minor", "computed": "minor", "reasons": ["data: train: sha256:000000000000 \u2192 sha256:000000000000"], "overruled": null, "forced": false, "base": "1.0.0"}','{"val/loss": 0.4}','{}','{"optimizer": {"lr": 0.1}}','{"config": null, "data": {"train": "sha256:0000000000000000000000000000000000000000000000000000000000000001", "data_dir/a.csv": "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}, "code": {}, "state": {}}');
INSERT INTO "rt_versions" VALUES(6,2,3,1,2,0,'','0000000001000000000200000000001','ready',NULL,'sha256:c10b8784b201937882227ca1cca4a6d7aaf2bf1a6e1bc7538df1aa243df5e9a7',2168994,'2026-11-20 09:34:25.459287','ada',NULL,NULL,NULL,'','{"kind": "minor", "computed": "minor", "reasons": ["data: train: sha256:000000000000 \u2192 sha256:000000000000"], "overruled": null, "forced": false, "base": "1.1.0"}','{"val/loss": 0.3}','{}','{"optimizer": {"lr": 0.1}}','{"config": null, "data": {"train": "sha256:0000000000000000000000000000000000000000000000000000000000000002", "data_dir/a.csv": "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}, "code": {}, "state": {}}');
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
