SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

CREATE TABLE public.rt_alembic_version (
    version_num character varying(32) NOT NULL
);

CREATE TABLE public.rt_aliases (
    model_id integer NOT NULL,
    name character varying(64) NOT NULL,
    version_id integer NOT NULL,
    updated_at timestamp without time zone NOT NULL
);

CREATE TABLE public.rt_artifacts (
    version_id integer NOT NULL,
    path character varying(255) NOT NULL,
    kind character varying(16) NOT NULL,
    digest character varying(80) NOT NULL
);

CREATE TABLE public.rt_blobs (
    digest character varying(80) NOT NULL,
    size_bytes bigint NOT NULL,
    created_at timestamp without time zone NOT NULL
);

CREATE TABLE public.rt_lineage (
    child_id integer NOT NULL,
    parent_id integer NOT NULL,
    relation character varying(32) NOT NULL
);

CREATE TABLE public.rt_models (
    id integer NOT NULL,
    name character varying(64) NOT NULL,
    next_number integer NOT NULL,
    created_at timestamp without time zone NOT NULL
);

CREATE SEQUENCE public.rt_models_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.rt_models_id_seq OWNED BY public.rt_models.id;

CREATE TABLE public.rt_runs (
    id character varying(64) NOT NULL,
    name character varying(255) NOT NULL,
    status character varying(16) NOT NULL,
    run_dir character varying(700) NOT NULL,
    host character varying(255) NOT NULL,
    pid bigint,
    pid_started double precision,
    boot_id character varying(64),
    resumed_from character varying(700),
    started_at timestamp without time zone NOT NULL,
    finished_at timestamp without time zone,
    seconds double precision,
    steps bigint,
    epochs integer,
    error text,
    metrics json NOT NULL,
    best json,
    data json NOT NULL,
    code json NOT NULL,
    environment json NOT NULL,
    config json NOT NULL
);

CREATE TABLE public.rt_versions (
    id integer NOT NULL,
    model_id integer NOT NULL,
    number integer NOT NULL,
    major integer NOT NULL,
    minor integer NOT NULL,
    patch integer NOT NULL,
    prerelease character varying(64) NOT NULL,
    sort_key character varying(400) NOT NULL,
    status character varying(16) NOT NULL,
    run_id character varying(64),
    digest character varying(80) NOT NULL,
    size_bytes bigint NOT NULL,
    created_at timestamp without time zone NOT NULL,
    created_by character varying(255) NOT NULL,
    git_commit character varying(64),
    dirty boolean,
    idempotency_key character varying(128),
    summary text NOT NULL,
    bump json NOT NULL,
    metrics json NOT NULL,
    signature json NOT NULL,
    config json NOT NULL,
    recipe json NOT NULL
);

CREATE SEQUENCE public.rt_versions_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.rt_versions_id_seq OWNED BY public.rt_versions.id;

ALTER TABLE ONLY public.rt_models ALTER COLUMN id SET DEFAULT nextval('public.rt_models_id_seq'::regclass);

ALTER TABLE ONLY public.rt_versions ALTER COLUMN id SET DEFAULT nextval('public.rt_versions_id_seq'::regclass);

INSERT INTO public.rt_alembic_version VALUES ('0001');

INSERT INTO public.rt_aliases VALUES (1, 'champion', 2, '2026-11-20 08:00:05');

INSERT INTO public.rt_artifacts VALUES (1, 'model.safetensors', 'weights', 'sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c');
INSERT INTO public.rt_artifacts VALUES (2, 'model.safetensors', 'weights', 'sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c');
INSERT INTO public.rt_artifacts VALUES (3, 'model.safetensors', 'weights', 'sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c');

INSERT INTO public.rt_blobs VALUES ('sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c', 7, '2026-11-20 08:00:01');

INSERT INTO public.rt_lineage VALUES (2, 1, 'fine_tuned_from');
INSERT INTO public.rt_lineage VALUES (3, 1, 'fine_tuned_from');

INSERT INTO public.rt_models VALUES (1, 'digits', 4, '2026-11-20 08:00:01');

INSERT INTO public.rt_runs VALUES ('run-1', 'digits', 'finished', '/runs/digits', '', NULL, NULL, NULL, NULL, '2026-11-20 07:00:00', '2026-11-20 07:30:00', 1.5, 10, 1, NULL, '{"val/loss": 0.5}', '{"step": 10}', '{}', '{}', '{}', '{"optimizer": {"lr": 0.1}}');

INSERT INTO public.rt_versions VALUES (1, 1, 1, 1, 0, 0, '', '0000000001000000000000000000001', 'ready', 'run-1', 'sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c', 7, '2026-11-20 08:00:01', '', 'abc', false, 'key-0', '', '{"kind": "first", "computed": "first", "reasons": ["first version"], "overruled": null}', '{"val/loss": 0.5}', '{"input": {"shape": [null, 64]}}', '{"optimizer": {"lr": 0.1}}', '{"config": null, "data": {"train": "sha256:1"}, "code": {"model.py": "sha256:2"}, "state": {"fc.weight": [[10, 64], "float32"]}}');
INSERT INTO public.rt_versions VALUES (2, 1, 2, 1, 1, 0, '', '0000000001000000000100000000001', 'ready', 'run-1', 'sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c', 7, '2026-11-20 08:00:02', '', 'abc', false, 'key-1', '', '{"kind": "minor", "computed": "minor", "reasons": ["optimizer.lr: 0.1 \u2192 0.01"], "overruled": null}', '{"val/loss": 0.5}', '{"input": {"shape": [null, 64]}}', '{"optimizer": {"lr": 0.01}}', '{"config": null, "data": {"train": "sha256:1"}, "code": {"model.py": "sha256:2"}, "state": {"fc.weight": [[10, 64], "float32"]}}');
INSERT INTO public.rt_versions VALUES (3, 1, 3, 2, 0, 0, 'rc.1', '00000000020000000000000000000003172630130303131', 'ready', 'run-1', 'sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c', 7, '2026-11-20 08:00:03', '', 'abc', false, 'key-2', '', '{"kind": "patch", "computed": "patch", "reasons": ["same recipe"], "overruled": "version given"}', '{"val/loss": 0.5}', '{"input": {"shape": [null, 64]}}', '{"optimizer": {"lr": 0.01}}', '{"config": null, "data": {"train": "sha256:1"}, "code": {"model.py": "sha256:2"}, "state": {"fc.weight": [[10, 64], "float32"]}}');

SELECT pg_catalog.setval('public.rt_models_id_seq', 1, true);

SELECT pg_catalog.setval('public.rt_versions_id_seq', 3, true);

ALTER TABLE ONLY public.rt_aliases
    ADD CONSTRAINT pk_rt_aliases PRIMARY KEY (model_id, name);

ALTER TABLE ONLY public.rt_artifacts
    ADD CONSTRAINT pk_rt_artifacts PRIMARY KEY (version_id, path);

ALTER TABLE ONLY public.rt_blobs
    ADD CONSTRAINT pk_rt_blobs PRIMARY KEY (digest);

ALTER TABLE ONLY public.rt_lineage
    ADD CONSTRAINT pk_rt_lineage PRIMARY KEY (child_id, parent_id, relation);

ALTER TABLE ONLY public.rt_models
    ADD CONSTRAINT pk_rt_models PRIMARY KEY (id);

ALTER TABLE ONLY public.rt_runs
    ADD CONSTRAINT pk_rt_runs PRIMARY KEY (id);

ALTER TABLE ONLY public.rt_versions
    ADD CONSTRAINT pk_rt_versions PRIMARY KEY (id);

ALTER TABLE ONLY public.rt_alembic_version
    ADD CONSTRAINT rt_alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY public.rt_models
    ADD CONSTRAINT uq_rt_models_name UNIQUE (name);

ALTER TABLE ONLY public.rt_versions
    ADD CONSTRAINT uq_rt_versions_idempotency_key UNIQUE (idempotency_key);

ALTER TABLE ONLY public.rt_versions
    ADD CONSTRAINT uq_rt_versions_model_id_major_minor_patch_prerelease UNIQUE (model_id, major, minor, patch, prerelease);

ALTER TABLE ONLY public.rt_versions
    ADD CONSTRAINT uq_rt_versions_model_id_number UNIQUE (model_id, number);

CREATE INDEX ix_rt_aliases_version_id ON public.rt_aliases USING btree (version_id);

CREATE INDEX ix_rt_artifacts_digest ON public.rt_artifacts USING btree (digest);

CREATE INDEX ix_rt_lineage_parent_id ON public.rt_lineage USING btree (parent_id);

CREATE INDEX ix_rt_runs_name_started_at ON public.rt_runs USING btree (name, started_at);

CREATE INDEX ix_rt_runs_run_dir ON public.rt_runs USING btree (run_dir);

CREATE INDEX ix_rt_runs_started_at ON public.rt_runs USING btree (started_at);

CREATE INDEX ix_rt_versions_order ON public.rt_versions USING btree (model_id, sort_key, status, prerelease, size_bytes);

CREATE INDEX ix_rt_versions_run_id ON public.rt_versions USING btree (run_id);

ALTER TABLE ONLY public.rt_aliases
    ADD CONSTRAINT fk_rt_aliases_model_id FOREIGN KEY (model_id) REFERENCES public.rt_models(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_aliases
    ADD CONSTRAINT fk_rt_aliases_version_id FOREIGN KEY (version_id) REFERENCES public.rt_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_artifacts
    ADD CONSTRAINT fk_rt_artifacts_digest FOREIGN KEY (digest) REFERENCES public.rt_blobs(digest) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_artifacts
    ADD CONSTRAINT fk_rt_artifacts_version_id FOREIGN KEY (version_id) REFERENCES public.rt_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_lineage
    ADD CONSTRAINT fk_rt_lineage_child_id FOREIGN KEY (child_id) REFERENCES public.rt_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_lineage
    ADD CONSTRAINT fk_rt_lineage_parent_id FOREIGN KEY (parent_id) REFERENCES public.rt_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_versions
    ADD CONSTRAINT fk_rt_versions_model_id FOREIGN KEY (model_id) REFERENCES public.rt_models(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_versions
    ADD CONSTRAINT fk_rt_versions_run_id FOREIGN KEY (run_id) REFERENCES public.rt_runs(id) ON DELETE RESTRICT;
