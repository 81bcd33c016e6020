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
    updated_at timestamp without time zone NOT NULL,
    gated boolean DEFAULT false NOT NULL
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
    created_at timestamp without time zone NOT NULL,
    collected_at timestamp without time zone,
    composed boolean DEFAULT false NOT NULL
);

CREATE TABLE public.rt_data (
    version_id integer NOT NULL,
    name character varying(190) NOT NULL,
    digest character varying(190) NOT NULL
);

CREATE TABLE public.rt_events (
    model_id integer NOT NULL,
    seq integer NOT NULL,
    at timestamp without time zone NOT NULL,
    who character varying(255) NOT NULL,
    kind character varying(32) NOT NULL,
    version character varying(100),
    hash character varying(64) NOT NULL,
    facts text NOT NULL
);

CREATE TABLE public.rt_exports (
    version_id integer NOT NULL,
    format character varying(32) NOT NULL,
    passed boolean NOT NULL,
    digest character varying(80),
    created_at timestamp without time zone NOT NULL,
    report json NOT NULL
);

CREATE TABLE public.rt_lineage (
    child_id integer NOT NULL,
    parent_id integer NOT NULL,
    relation character varying(32) NOT NULL
);

CREATE TABLE public.rt_marks (
    version_id integer NOT NULL,
    pinned boolean DEFAULT false NOT NULL,
    status_before character varying(16),
    status_at timestamp without time zone,
    status_reason text,
    deprecation text,
    successor character varying(165),
    expired_tick double precision
);

CREATE TABLE public.rt_metrics (
    version_id integer NOT NULL,
    name character varying(190) NOT NULL,
    value double precision NOT NULL
);

CREATE TABLE public.rt_models (
    id integer NOT NULL,
    name character varying(64) NOT NULL,
    next_number integer NOT NULL,
    created_at timestamp without time zone NOT NULL,
    events integer DEFAULT 0 NOT NULL,
    head character varying(64) DEFAULT ''::character varying NOT NULL,
    policy json
);

CREATE SEQUENCE public.rt_models_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.rt_models_id_seq OWNED BY public.rt_models.id;

CREATE TABLE public.rt_origins (
    version_id integer NOT NULL,
    registry_uid character varying(36) NOT NULL,
    model character varying(64) NOT NULL,
    version character varying(100) NOT NULL,
    number integer NOT NULL
);

CREATE TABLE public.rt_params (
    id integer NOT NULL,
    name character varying(190) NOT NULL,
    value character varying(255) NOT NULL,
    number double precision
);

CREATE SEQUENCE public.rt_params_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.rt_params_id_seq OWNED BY public.rt_params.id;

CREATE TABLE public.rt_parts (
    digest character varying(80) NOT NULL,
    "position" integer NOT NULL,
    source character varying(80) NOT NULL,
    start bigint NOT NULL,
    size_bytes bigint NOT NULL
);

CREATE TABLE public.rt_registry (
    id integer NOT NULL,
    uid character varying(36) NOT NULL,
    seconds double precision NOT NULL,
    witnessed_at timestamp without time zone NOT NULL,
    boot_id character varying(64),
    boottime double precision
);

CREATE TABLE public.rt_run_inputs (
    run_id character varying(64) NOT NULL,
    version_id integer NOT NULL,
    relation character varying(32) NOT NULL
);

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

CREATE TABLE public.rt_segments (
    digest character varying(80) NOT NULL,
    blob character varying(80) NOT NULL,
    start bigint NOT NULL,
    size_bytes bigint NOT NULL
);

CREATE TABLE public.rt_signatures (
    version_id integer NOT NULL,
    key_id character varying(80) NOT NULL,
    created_at timestamp without time zone NOT NULL,
    statement text NOT NULL,
    bundle text NOT NULL
);

CREATE TABLE public.rt_tags (
    version_id integer NOT NULL,
    name character varying(64) NOT NULL,
    value character varying(255) NOT NULL
);

CREATE TABLE public.rt_version_params (
    param_id integer NOT NULL,
    version_id integer NOT NULL
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

ALTER TABLE ONLY public.rt_params ALTER COLUMN id SET DEFAULT nextval('public.rt_params_id_seq'::regclass);

ALTER TABLE ONLY public.rt_versions ALTER COLUMN id SET DEFAULT nextval('public.rt_versions_id_seq'::regclass);

INSERT INTO public.rt_alembic_version VALUES ('0002');

INSERT INTO public.rt_aliases VALUES (1, 'champion', 2, '2026-11-20 08:00:05', false);
INSERT INTO public.rt_aliases VALUES (2, 'production', 6, '2026-11-20 11:45:07.473754', true);

INSERT INTO public.rt_artifacts VALUES (1, 'model.safetensors', 'weights', 'sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c');
INSERT INTO public.rt_artifacts VALUES (2, 'model.safetensors', 'weights', 'sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c');
INSERT INTO public.rt_artifacts VALUES (3, 'model.safetensors', 'weights', 'sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c');
INSERT INTO public.rt_artifacts VALUES (4, 'model.safetensors', 'weights', 'sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2');
INSERT INTO public.rt_artifacts VALUES (5, 'model.safetensors', 'weights', 'sha256:64232cab5ff32163b44351a04b752b9c64237a48a7c05ae1533b5ddf11a4fe55');
INSERT INTO public.rt_artifacts VALUES (6, 'model.safetensors', 'weights', 'sha256:c10b8784b201937882227ca1cca4a6d7aaf2bf1a6e1bc7538df1aa243df5e9a7');

INSERT INTO public.rt_blobs VALUES ('sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c', 7, '2026-11-20 08:00:01', NULL, false);
INSERT INTO public.rt_blobs VALUES ('sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2', 2168994, '2026-11-20 11:45:07.310617', NULL, false);
INSERT INTO public.rt_blobs VALUES ('sha256:64232cab5ff32163b44351a04b752b9c64237a48a7c05ae1533b5ddf11a4fe55', 2168994, '2026-11-20 11:45:07.347151', NULL, true);
INSERT INTO public.rt_blobs VALUES ('sha256:fc415ff6a8fa561897f0ba0022e6a3bd8dc1f33ce0459bd4197905ad9599b911', 71842, '2026-11-20 11:45:07.347151', NULL, false);
INSERT INTO public.rt_blobs VALUES ('sha256:c10b8784b201937882227ca1cca4a6d7aaf2bf1a6e1bc7538df1aa243df5e9a7', 2168994, '2026-11-20 11:45:07.385491', NULL, true);
INSERT INTO public.rt_blobs VALUES ('sha256:d0b995361f0eb4ce1b353f1e22a58b504fe371f298317ca2af044e1e7acb01e5', 71842, '2026-11-20 11:45:07.385491', NULL, false);

INSERT INTO public.rt_data VALUES (1, 'train', 'sha256:1');
INSERT INTO public.rt_data VALUES (2, 'train', 'sha256:1');
INSERT INTO public.rt_data VALUES (3, 'train', 'sha256:1');
INSERT INTO public.rt_data VALUES (4, 'train', 'sha256:0000000000000000000000000000000000000000000000000000000000000000');
INSERT INTO public.rt_data VALUES (4, 'data_dir/a.csv', 'sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
INSERT INTO public.rt_data VALUES (5, 'train', 'sha256:0000000000000000000000000000000000000000000000000000000000000001');
INSERT INTO public.rt_data VALUES (5, 'data_dir/a.csv', 'sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
INSERT INTO public.rt_data VALUES (6, 'train', 'sha256:0000000000000000000000000000000000000000000000000000000000000002');
INSERT INTO public.rt_data VALUES (6, 'data_dir/a.csv', 'sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');

INSERT INTO public.rt_events VALUES (1, 1, '2026-11-20 11:45:07.150865', 'ada', 'registered', '1.0.0', '963af81ac071791435f216e0e3d766385b2cc61d7f1d75497e90a5f7b36f367b', '{"bump":"first","digest":"sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c","forced":false,"number":1}');
INSERT INTO public.rt_events VALUES (1, 2, '2026-11-20 11:45:07.172731', 'ada', 'registered', '1.1.0', '73f94b2f491445a52d600b503fa8584f7342d8161480677f595721d7c89d3814', '{"bump":"minor","digest":"sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c","forced":false,"number":2}');
INSERT INTO public.rt_events VALUES (1, 3, '2026-11-20 11:45:07.188654', 'ada', 'registered', '2.0.0-rc.1', '92421bd2c5d7071671675c28a8cbd3c7c1235a87187c41bdcf91835e33197d5b', '{"bump":"major","digest":"sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c","forced":false,"number":3}');
INSERT INTO public.rt_events VALUES (1, 4, '2026-11-20 11:45:07.202002', 'ada', 'alias_set', '1.1.0', '4c526c9ecbf360d914abd9b03af375375a0891f111e31503eb69ab44572c4f98', '{"alias":"champion","before":null}');
INSERT INTO public.rt_events VALUES (2, 1, '2026-11-20 11:45:07.310617', 'ada', 'registered', '1.0.0', 'b8c708330d421c40208c1ffd53c003c14ee217bfa5fe1f9ebbc2baeb3080f2ea', '{"bump":"first","digest":"sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2","forced":false,"number":1}');
INSERT INTO public.rt_events VALUES (2, 2, '2026-11-20 11:45:07.347151', 'ada', 'registered', '1.1.0', '2d1b362b9473c2aba1e2053a61006f34d353d76b99652f39aafaf22cc219dbb8', '{"bump":"minor","digest":"sha256:64232cab5ff32163b44351a04b752b9c64237a48a7c05ae1533b5ddf11a4fe55","forced":false,"number":2}');
INSERT INTO public.rt_events VALUES (2, 3, '2026-11-20 11:45:07.385491', 'ada', 'registered', '1.2.0', 'cdee3723073fc4f667f4d7efa4871ccddcf4ac6ec1b4bca6861347287840941f', '{"bump":"minor","digest":"sha256:c10b8784b201937882227ca1cca4a6d7aaf2bf1a6e1bc7538df1aa243df5e9a7","forced":false,"number":3}');
INSERT INTO public.rt_events VALUES (2, 4, '2026-11-20 11:45:07.419776', 'ada', 'policy_set', NULL, '489dde1cec271f5b5220adcc6d18de00fd88c121b0968eaec599e7b9ab04aa69', '{"before":null,"policy":{"retention":{"keep_newest":1},"stages":{"production":{"require":{"val/loss":"< 1"}}}}}');
INSERT INTO public.rt_events VALUES (2, 5, '2026-11-20 11:45:07.42879', 'ada', 'tagged', '1.1.0', 'c79b88e9df5e9a0a6bc36ad63bb9023c179f2163d00a09d809cd8b18a3d5fed6', '{"before":null,"tag":"team","value":"vision"}');
INSERT INTO public.rt_events VALUES (2, 6, '2026-11-20 11:45:07.440501', 'ada', 'described', '1.1.0', '9da45d09b73cb06f8cefbfeb9871087b4921a1a310b30c7822b4c89b1e58c7f3', '{"text":"Gr\u00f6\u00dfer"}');
INSERT INTO public.rt_events VALUES (1, 5, '2026-11-20 11:45:07.451202', 'ada', 'pinned', '1.0.0', '94103b968a28e6332b3e18dad18937545551cd125d9126253e3584d1fbd7dc8d', '{}');
INSERT INTO public.rt_events VALUES (2, 7, '2026-11-20 11:45:07.473754', 'ada', 'promoted', '1.2.0', '8c3ce93e00bc107d4e498137d681885928ca835ea0aec2c212613053f6df9cf4', '{"before":null,"evidence":[{"found":"ready","gate":"the version is ready","passed":true},{"found":"0.3","gate":"val/loss < 1","passed":true},{"found":"none","gate":"no ancestor is deprecated","passed":true}],"stage":"production"}');
INSERT INTO public.rt_events VALUES (1, 6, '2026-11-20 11:45:07.487809', 'ada', 'deprecated', '2.0.0-rc.1', '28575fe04e6ef53e1e311a4039b7e118a4d48d41c1a7c25b6c925951e4153b3a', '{"reason":"overfits","successor":"digits@1.1.0","successor_home":{"model":"digits","number":2,"registry":"e9f8ed63-fc69-4552-af09-9da59b58c662","version":"1.1.0"}}');
INSERT INTO public.rt_events VALUES (2, 8, '2026-11-20 11:45:07.502932', 'ada', 'archived', '1.1.0', '683fe5c43256b80dd3692c6c0c9879faa428d3173e5e91b226d3e0600f85df93', '{"reason":"too slow"}');
INSERT INTO public.rt_events VALUES (2, 9, '2026-11-20 11:45:07.515973', 'ada', 'expired', '1.0.0', '61ac862396dec52d551edc714a74637d1a511ae8551b3582cb1436219d3a6438', '{"reason":"deleted by hand"}');

INSERT INTO public.rt_exports VALUES (6, 'onnx', true, NULL, '2026-11-20 08:00:06', '{"opset": 18}');

INSERT INTO public.rt_lineage VALUES (2, 1, 'fine_tuned_from');
INSERT INTO public.rt_lineage VALUES (3, 1, 'fine_tuned_from');

INSERT INTO public.rt_marks VALUES (1, true, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.rt_marks VALUES (3, false, 'ready', '2026-11-20 11:45:07.487809', 'overfits', 'overfits', 'digits@1.1.0', NULL);
INSERT INTO public.rt_marks VALUES (5, false, 'ready', '2026-11-20 11:45:07.502932', 'too slow', NULL, NULL, NULL);
INSERT INTO public.rt_marks VALUES (4, false, 'ready', '2026-11-20 11:45:07.515973', 'deleted by hand', NULL, NULL, 0.397388);

INSERT INTO public.rt_metrics VALUES (1, 'val/loss', 0.5);
INSERT INTO public.rt_metrics VALUES (2, 'val/loss', 0.5);
INSERT INTO public.rt_metrics VALUES (3, 'val/loss', 0.5);
INSERT INTO public.rt_metrics VALUES (4, 'val/loss', 0.5);
INSERT INTO public.rt_metrics VALUES (5, 'val/loss', 0.4);
INSERT INTO public.rt_metrics VALUES (6, 'val/loss', 0.3);

INSERT INTO public.rt_models VALUES (1, 'digits', 4, '2026-11-20 08:00:01', 6, '28575fe04e6ef53e1e311a4039b7e118a4d48d41c1a7c25b6c925951e4153b3a', NULL);
INSERT INTO public.rt_models VALUES (2, 'large', 4, '2026-11-20 11:45:07.310617', 9, '61ac862396dec52d551edc714a74637d1a511ae8551b3582cb1436219d3a6438', '{"retention": {"keep_newest": 1}, "stages": {"production": {"require": {"val/loss": "< 1"}}}}');

INSERT INTO public.rt_origins VALUES (6, '00000000-0000-4000-8000-000000000000', 'elsewhere', '3.1.0', 7);

INSERT INTO public.rt_params VALUES (1, 'optimizer.lr', '0.1', 0.1);
INSERT INTO public.rt_params VALUES (2, 'optimizer.lr', '0.01', 0.01);

INSERT INTO public.rt_parts VALUES ('sha256:64232cab5ff32163b44351a04b752b9c64237a48a7c05ae1533b5ddf11a4fe55', 0, 'sha256:fc415ff6a8fa561897f0ba0022e6a3bd8dc1f33ce0459bd4197905ad9599b911', 0, 71842);
INSERT INTO public.rt_parts VALUES ('sha256:64232cab5ff32163b44351a04b752b9c64237a48a7c05ae1533b5ddf11a4fe55', 1, 'sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2', 71842, 2097152);
INSERT INTO public.rt_parts VALUES ('sha256:c10b8784b201937882227ca1cca4a6d7aaf2bf1a6e1bc7538df1aa243df5e9a7', 0, 'sha256:d0b995361f0eb4ce1b353f1e22a58b504fe371f298317ca2af044e1e7acb01e5', 0, 71842);
INSERT INTO public.rt_parts VALUES ('sha256:c10b8784b201937882227ca1cca4a6d7aaf2bf1a6e1bc7538df1aa243df5e9a7', 1, 'sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2', 71842, 2097152);

INSERT INTO public.rt_registry VALUES (1, 'e9f8ed63-fc69-4552-af09-9da59b58c662', 0.397388, '2026-11-20 11:45:07.515983', '3eafee7d-029d-402f-a5e7-9a201cc3818b', 26514.468064382);

INSERT INTO public.rt_run_inputs VALUES ('run-2', 2, 'fine_tuned_from');

INSERT INTO public.rt_runs VALUES ('run-1', 'digits', 'finished', '/runs/digits', '', NULL, NULL, NULL, NULL, '2026-11-20 07:00:00', '2026-11-20 07:30:00', 1.5, 10, 1, NULL, '{"val/loss": 0.5}', '{"step": 10}', '{}', '{}', '{}', '{"optimizer": {"lr": 0.1}}');
INSERT INTO public.rt_runs VALUES ('run-2', 'large', 'interrupted', '/runs/large', '', NULL, NULL, NULL, NULL, '2026-11-20 11:45:07.399718', '2026-11-20 11:45:07.411567', NULL, NULL, NULL, NULL, '{}', 'null', '{}', '{}', '{}', '{}');

INSERT INTO public.rt_segments VALUES ('blake3:17deb741007ebaa36572ec5257fc01c6ee95d649905e82d5e6a7f98977507580', 'sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2', 162, 71680);
INSERT INTO public.rt_segments VALUES ('blake3:b7c4d76896c69df59f1cb3f329b89650324506ef1eef0d6bd5b3b89bcc7445f8', 'sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2', 71842, 2097152);
INSERT INTO public.rt_segments VALUES ('blake3:3026c3d1909707183fdd482108e7ed57a61272d8b876dec8bde6d9056f9454b7', 'sha256:fc415ff6a8fa561897f0ba0022e6a3bd8dc1f33ce0459bd4197905ad9599b911', 162, 71680);
INSERT INTO public.rt_segments VALUES ('blake3:f703ff6658335d4bbeb0d30606383f42a48bdd594025d4614f79086c9c7cb4f5', 'sha256:d0b995361f0eb4ce1b353f1e22a58b504fe371f298317ca2af044e1e7acb01e5', 162, 71680);

INSERT INTO public.rt_signatures VALUES (6, 'sha256:key', '2026-11-20 08:00:06', '{}', '{}');

INSERT INTO public.rt_tags VALUES (5, 'team', 'vision');

INSERT INTO public.rt_version_params VALUES (1, 1);
INSERT INTO public.rt_version_params VALUES (2, 2);
INSERT INTO public.rt_version_params VALUES (2, 3);
INSERT INTO public.rt_version_params VALUES (1, 4);
INSERT INTO public.rt_version_params VALUES (1, 5);
INSERT INTO public.rt_version_params VALUES (1, 6);

INSERT INTO public.rt_versions VALUES (1, 1, 1, 1, 0, 0, '', '0000000001000000000000000000001', 'ready', 'run-1', 'sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c', 7, '2026-11-20 08:00:01', 'ada', 'abc', false, 'key-0', '', '{"kind": "first", "computed": "first", "reasons": ["first version"], "overruled": null, "forced": false, "base": null}', '{"val/loss": 0.5}', '{"input": {"shape": [null, 64]}}', '{"optimizer": {"lr": 0.1}}', '{"config": null, "data": {"train": "sha256:1"}, "code": {"model.py": "sha256:2"}, "state": {"fc.weight": [[10, 64], "float32"]}}');
INSERT INTO public.rt_versions VALUES (2, 1, 2, 1, 1, 0, '', '0000000001000000000100000000001', 'ready', 'run-1', 'sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c', 7, '2026-11-20 08:00:02', 'ada', 'abc', false, 'key-1', '', '{"kind": "minor", "computed": "minor", "reasons": ["optimizer.lr: 0.1 \u2192 0.01"], "overruled": null, "forced": false, "base": "1.0.0"}', '{"val/loss": 0.5}', '{"input": {"shape": [null, 64]}}', '{"optimizer": {"lr": 0.01}}', '{"config": null, "data": {"train": "sha256:1"}, "code": {"model.py": "sha256:2"}, "state": {"fc.weight": [[10, 64], "float32"]}}');
INSERT INTO public.rt_versions VALUES (6, 2, 3, 1, 2, 0, '', '0000000001000000000200000000001', 'ready', NULL, 'sha256:c10b8784b201937882227ca1cca4a6d7aaf2bf1a6e1bc7538df1aa243df5e9a7', 2168994, '2026-11-20 11:45:07.385491', 'ada', NULL, NULL, NULL, '', '{"kind": "minor", "computed": "minor", "reasons": ["data: train: sha256:000000000000 \u2192 sha256:000000000000"], "overruled": null, "forced": false, "base": "1.1.0"}', '{"val/loss": 0.3}', '{}', '{"optimizer": {"lr": 0.1}}', '{"config": null, "data": {"train": "sha256:0000000000000000000000000000000000000000000000000000000000000002", "data_dir/a.csv": "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}, "code": {}, "state": {}}');
INSERT INTO public.rt_versions VALUES (3, 1, 3, 2, 0, 0, 'rc.1', '00000000020000000000000000000003172630130303131', 'deprecated', 'run-1', 'sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c', 7, '2026-11-20 08:00:03', 'ada', 'abc', false, 'key-2', '', '{"kind": "major", "computed": "patch", "reasons": ["same recipe"], "overruled": "version given", "forced": false, "base": "1.1.0"}', '{"val/loss": 0.5}', '{"input": {"shape": [null, 64]}}', '{"optimizer": {"lr": 0.01}}', '{"config": null, "data": {"train": "sha256:1"}, "code": {"model.py": "sha256:2"}, "state": {"fc.weight": [[10, 64], "float32"]}}');
INSERT INTO public.rt_versions VALUES (5, 2, 2, 1, 1, 0, '', '0000000001000000000100000000001', 'archived', NULL, 'sha256:64232cab5ff32163b44351a04b752b9c64237a48a7c05ae1533b5ddf11a4fe55', 2168994, '2026-11-20 11:45:07.347151', 'ada', NULL, NULL, NULL, 'Größer', '{"kind": "minor", "computed": "minor", "reasons": ["data: train: sha256:000000000000 \u2192 sha256:000000000000"], "overruled": null, "forced": false, "base": "1.0.0"}', '{"val/loss": 0.4}', '{}', '{"optimizer": {"lr": 0.1}}', '{"config": null, "data": {"train": "sha256:0000000000000000000000000000000000000000000000000000000000000001", "data_dir/a.csv": "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}, "code": {}, "state": {}}');
INSERT INTO public.rt_versions VALUES (4, 2, 1, 1, 0, 0, '', '0000000001000000000000000000001', 'expired', NULL, 'sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2', 2168994, '2026-11-20 11:45:07.310617', 'ada', NULL, NULL, NULL, '', '{"kind": "first", "computed": "first", "reasons": ["first version"], "overruled": null, "forced": false, "base": null}', '{"val/loss": 0.5}', '{}', '{"optimizer": {"lr": 0.1}}', '{"config": null, "data": {"train": "sha256:0000000000000000000000000000000000000000000000000000000000000000", "data_dir/a.csv": "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}, "code": {}, "state": {}}');

SELECT pg_catalog.setval('public.rt_models_id_seq', 2, true);

SELECT pg_catalog.setval('public.rt_params_id_seq', 2, true);

SELECT pg_catalog.setval('public.rt_versions_id_seq', 6, true);

ALTER TABLE ONLY public.rt_aliases
    ADD CONSTRAINT pk_rt_aliases PRIMARY KEY (model_id, name);

ALTER TABLE ONLY public.rt_artifacts
    ADD CONSTRAINT pk_rt_artifacts PRIMARY KEY (version_id, path);

ALTER TABLE ONLY public.rt_blobs
    ADD CONSTRAINT pk_rt_blobs PRIMARY KEY (digest);

ALTER TABLE ONLY public.rt_data
    ADD CONSTRAINT pk_rt_data PRIMARY KEY (version_id, name);

ALTER TABLE ONLY public.rt_events
    ADD CONSTRAINT pk_rt_events PRIMARY KEY (model_id, seq);

ALTER TABLE ONLY public.rt_exports
    ADD CONSTRAINT pk_rt_exports PRIMARY KEY (version_id, format);

ALTER TABLE ONLY public.rt_lineage
    ADD CONSTRAINT pk_rt_lineage PRIMARY KEY (child_id, parent_id, relation);

ALTER TABLE ONLY public.rt_marks
    ADD CONSTRAINT pk_rt_marks PRIMARY KEY (version_id);

ALTER TABLE ONLY public.rt_metrics
    ADD CONSTRAINT pk_rt_metrics PRIMARY KEY (version_id, name);

ALTER TABLE ONLY public.rt_models
    ADD CONSTRAINT pk_rt_models PRIMARY KEY (id);

ALTER TABLE ONLY public.rt_origins
    ADD CONSTRAINT pk_rt_origins PRIMARY KEY (version_id);

ALTER TABLE ONLY public.rt_params
    ADD CONSTRAINT pk_rt_params PRIMARY KEY (id);

ALTER TABLE ONLY public.rt_parts
    ADD CONSTRAINT pk_rt_parts PRIMARY KEY (digest, "position");

ALTER TABLE ONLY public.rt_registry
    ADD CONSTRAINT pk_rt_registry PRIMARY KEY (id);

ALTER TABLE ONLY public.rt_run_inputs
    ADD CONSTRAINT pk_rt_run_inputs PRIMARY KEY (run_id, version_id, relation);

ALTER TABLE ONLY public.rt_runs
    ADD CONSTRAINT pk_rt_runs PRIMARY KEY (id);

ALTER TABLE ONLY public.rt_segments
    ADD CONSTRAINT pk_rt_segments PRIMARY KEY (digest);

ALTER TABLE ONLY public.rt_signatures
    ADD CONSTRAINT pk_rt_signatures PRIMARY KEY (version_id, key_id);

ALTER TABLE ONLY public.rt_tags
    ADD CONSTRAINT pk_rt_tags PRIMARY KEY (version_id, name);

ALTER TABLE ONLY public.rt_version_params
    ADD CONSTRAINT pk_rt_version_params PRIMARY KEY (param_id, version_id);

ALTER TABLE ONLY public.rt_versions
    ADD CONSTRAINT pk_rt_versions PRIMARY KEY (id);

ALTER TABLE ONLY public.rt_alembic_version
    ADD CONSTRAINT rt_alembic_version_pkc PRIMARY KEY (version_num);

ALTER TABLE ONLY public.rt_models
    ADD CONSTRAINT uq_rt_models_name UNIQUE (name);

ALTER TABLE ONLY public.rt_origins
    ADD CONSTRAINT uq_rt_origins_registry_uid_model_version UNIQUE (registry_uid, model, version);

ALTER TABLE ONLY public.rt_params
    ADD CONSTRAINT uq_rt_params_name_value UNIQUE (name, value);

ALTER TABLE ONLY public.rt_versions
    ADD CONSTRAINT uq_rt_versions_idempotency_key UNIQUE (idempotency_key);

ALTER TABLE ONLY public.rt_versions
    ADD CONSTRAINT uq_rt_versions_model_id_major_minor_patch_prerelease UNIQUE (model_id, major, minor, patch, prerelease);

ALTER TABLE ONLY public.rt_versions
    ADD CONSTRAINT uq_rt_versions_model_id_number UNIQUE (model_id, number);

CREATE INDEX ix_rt_aliases_version_id ON public.rt_aliases USING btree (version_id);

CREATE INDEX ix_rt_artifacts_digest ON public.rt_artifacts USING btree (digest);

CREATE INDEX ix_rt_data_digest ON public.rt_data USING btree (digest);

CREATE INDEX ix_rt_exports_digest ON public.rt_exports USING btree (digest);

CREATE INDEX ix_rt_lineage_parent_id ON public.rt_lineage USING btree (parent_id);

CREATE INDEX ix_rt_metrics_name_value ON public.rt_metrics USING btree (name, value);

CREATE INDEX ix_rt_params_name_number ON public.rt_params USING btree (name, number);

CREATE INDEX ix_rt_parts_source ON public.rt_parts USING btree (source);

CREATE INDEX ix_rt_run_inputs_version_id ON public.rt_run_inputs USING btree (version_id);

CREATE INDEX ix_rt_runs_name_started_at ON public.rt_runs USING btree (name, started_at);

CREATE INDEX ix_rt_runs_run_dir ON public.rt_runs USING btree (run_dir);

CREATE INDEX ix_rt_runs_started_at ON public.rt_runs USING btree (started_at);

CREATE INDEX ix_rt_segments_blob ON public.rt_segments USING btree (blob);

CREATE INDEX ix_rt_tags_name_value ON public.rt_tags USING btree (name, value);

CREATE INDEX ix_rt_versions_created_at ON public.rt_versions USING btree (created_at);

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

ALTER TABLE ONLY public.rt_data
    ADD CONSTRAINT fk_rt_data_version_id FOREIGN KEY (version_id) REFERENCES public.rt_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_events
    ADD CONSTRAINT fk_rt_events_model_id FOREIGN KEY (model_id) REFERENCES public.rt_models(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_exports
    ADD CONSTRAINT fk_rt_exports_digest FOREIGN KEY (digest) REFERENCES public.rt_blobs(digest) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_exports
    ADD CONSTRAINT fk_rt_exports_version_id FOREIGN KEY (version_id) REFERENCES public.rt_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_lineage
    ADD CONSTRAINT fk_rt_lineage_child_id FOREIGN KEY (child_id) REFERENCES public.rt_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_lineage
    ADD CONSTRAINT fk_rt_lineage_parent_id FOREIGN KEY (parent_id) REFERENCES public.rt_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_marks
    ADD CONSTRAINT fk_rt_marks_version_id FOREIGN KEY (version_id) REFERENCES public.rt_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_metrics
    ADD CONSTRAINT fk_rt_metrics_version_id FOREIGN KEY (version_id) REFERENCES public.rt_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_origins
    ADD CONSTRAINT fk_rt_origins_version_id FOREIGN KEY (version_id) REFERENCES public.rt_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_parts
    ADD CONSTRAINT fk_rt_parts_digest FOREIGN KEY (digest) REFERENCES public.rt_blobs(digest) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_parts
    ADD CONSTRAINT fk_rt_parts_source FOREIGN KEY (source) REFERENCES public.rt_blobs(digest) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_run_inputs
    ADD CONSTRAINT fk_rt_run_inputs_run_id FOREIGN KEY (run_id) REFERENCES public.rt_runs(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_run_inputs
    ADD CONSTRAINT fk_rt_run_inputs_version_id FOREIGN KEY (version_id) REFERENCES public.rt_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_segments
    ADD CONSTRAINT fk_rt_segments_blob FOREIGN KEY (blob) REFERENCES public.rt_blobs(digest) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_signatures
    ADD CONSTRAINT fk_rt_signatures_version_id FOREIGN KEY (version_id) REFERENCES public.rt_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_tags
    ADD CONSTRAINT fk_rt_tags_version_id FOREIGN KEY (version_id) REFERENCES public.rt_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_version_params
    ADD CONSTRAINT fk_rt_version_params_param_id FOREIGN KEY (param_id) REFERENCES public.rt_params(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_version_params
    ADD CONSTRAINT fk_rt_version_params_version_id FOREIGN KEY (version_id) REFERENCES public.rt_versions(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_versions
    ADD CONSTRAINT fk_rt_versions_model_id FOREIGN KEY (model_id) REFERENCES public.rt_models(id) ON DELETE RESTRICT;

ALTER TABLE ONLY public.rt_versions
    ADD CONSTRAINT fk_rt_versions_run_id FOREIGN KEY (run_id) REFERENCES public.rt_runs(id) ON DELETE RESTRICT;
