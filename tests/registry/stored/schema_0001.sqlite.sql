BEGIN TRANSACTION;
CREATE TABLE rt_alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT rt_alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "rt_alembic_version" VALUES('0001');
CREATE TABLE rt_aliases (
	model_id INTEGER NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	version_id INTEGER NOT NULL, 
	updated_at DATETIME NOT NULL, 
	CONSTRAINT pk_rt_aliases PRIMARY KEY (model_id, name), 
	CONSTRAINT fk_rt_aliases_model_id FOREIGN KEY(model_id) REFERENCES rt_models (id) ON DELETE RESTRICT, 
	CONSTRAINT fk_rt_aliases_version_id FOREIGN KEY(version_id) REFERENCES rt_versions (id) ON DELETE RESTRICT
);
INSERT INTO "rt_aliases" VALUES(1,'champion',2,'2026-11-20 08:00:05.000000');
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
CREATE TABLE rt_blobs (
	digest VARCHAR(80) NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_rt_blobs PRIMARY KEY (digest)
);
INSERT INTO "rt_blobs" VALUES('sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c',7,'2026-11-20 08:00:01.000000');
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
CREATE TABLE rt_models (
	id INTEGER NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	next_number INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_rt_models PRIMARY KEY (id), 
	CONSTRAINT uq_rt_models_name UNIQUE (name)
);
INSERT INTO "rt_models" VALUES(1,'digits',4,'2026-11-20 08:00:01.000000');
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
INSERT INTO "rt_versions" VALUES(1,1,1,1,0,0,'','0000000001000000000000000000001','ready','run-1','sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c',7,'2026-11-20 08:00:01.000000','','abc',0,'key-0','','{"kind": "first", "computed": "first", "reasons": ["first version"], "overruled": null}','{"val/loss": 0.5}','{"input": {"shape": [null, 64]}}','{"optimizer": {"lr": 0.1}}','{"config": null, "data": {"train": "sha256:1"}, "code": {"model.py": "sha256:2"}, "state": {"fc.weight": [[10, 64], "float32"]}}');
INSERT INTO "rt_versions" VALUES(2,1,2,1,1,0,'','0000000001000000000100000000001','ready','run-1','sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c',7,'2026-11-20 08:00:02.000000','','abc',0,'key-1','','{"kind": "minor", "computed": "minor", "reasons": ["optimizer.lr: 0.1 \u2192 0.01"], "overruled": null}','{"val/loss": 0.5}','{"input": {"shape": [null, 64]}}','{"optimizer": {"lr": 0.01}}','{"config": null, "data": {"train": "sha256:1"}, "code": {"model.py": "sha256:2"}, "state": {"fc.weight": [[10, 64], "float32"]}}');
INSERT INTO "rt_versions" VALUES(3,1,3,2,0,0,'rc.1','00000000020000000000000000000003172630130303131','ready','run-1','sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c',7,'2026-11-20 08:00:03.000000','','abc',0,'key-2','','{"kind": "patch", "computed": "patch", "reasons": ["same recipe"], "overruled": "version given"}','{"val/loss": 0.5}','{"input": {"shape": [null, 64]}}','{"optimizer": {"lr": 0.01}}','{"config": null, "data": {"train": "sha256:1"}, "code": {"model.py": "sha256:2"}, "state": {"fc.weight": [[10, 64], "float32"]}}');
CREATE INDEX ix_rt_runs_name_started_at ON rt_runs (name, started_at);
CREATE INDEX ix_rt_runs_run_dir ON rt_runs (run_dir);
CREATE INDEX ix_rt_runs_started_at ON rt_runs (started_at);
CREATE INDEX ix_rt_versions_order ON rt_versions (model_id, sort_key, status, prerelease, size_bytes);
CREATE INDEX ix_rt_versions_run_id ON rt_versions (run_id);
CREATE INDEX ix_rt_artifacts_digest ON rt_artifacts (digest);
CREATE INDEX ix_rt_lineage_parent_id ON rt_lineage (parent_id);
CREATE INDEX ix_rt_aliases_version_id ON rt_aliases (version_id);
COMMIT;
