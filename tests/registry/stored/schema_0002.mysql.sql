/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS */;
/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */;
/*!40101 SET NAMES utf8mb4 */;
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;
DROP TABLE IF EXISTS `rt_alembic_version`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `rt_alembic_version` (
  `version_num` varchar(32) NOT NULL,
  PRIMARY KEY (`version_num`)
) ENGINE=InnoDB DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_alembic_version` DISABLE KEYS */;
INSERT INTO `rt_alembic_version` VALUES ('0002');
/*!40000 ALTER TABLE `rt_alembic_version` ENABLE KEYS */;
DROP TABLE IF EXISTS `rt_aliases`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `rt_aliases` (
  `model_id` int(11) NOT NULL,
  `name` varchar(64) NOT NULL,
  `version_id` int(11) NOT NULL,
  `updated_at` datetime(6) NOT NULL,
  `gated` tinyint(1) NOT NULL DEFAULT 0,
  PRIMARY KEY (`model_id`,`name`),
  KEY `ix_rt_aliases_version_id` (`version_id`),
  CONSTRAINT `fk_rt_aliases_model_id` FOREIGN KEY (`model_id`) REFERENCES `rt_models` (`id`),
  CONSTRAINT `fk_rt_aliases_version_id` FOREIGN KEY (`version_id`) REFERENCES `rt_versions` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_aliases` DISABLE KEYS */;
INSERT INTO `rt_aliases` VALUES (1,'champion',2,'2026-11-20 08:00:05.000000',0);
INSERT INTO `rt_aliases` VALUES (2,'production',6,'2026-11-20 11:45:08.571343',1);
/*!40000 ALTER TABLE `rt_aliases` ENABLE KEYS */;
DROP TABLE IF EXISTS `rt_artifacts`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `rt_artifacts` (
  `version_id` int(11) NOT NULL,
  `path` varchar(255) NOT NULL,
  `kind` varchar(16) NOT NULL,
  `digest` varchar(80) NOT NULL,
  PRIMARY KEY (`version_id`,`path`),
  KEY `ix_rt_artifacts_digest` (`digest`),
  CONSTRAINT `fk_rt_artifacts_digest` FOREIGN KEY (`digest`) REFERENCES `rt_blobs` (`digest`),
  CONSTRAINT `fk_rt_artifacts_version_id` FOREIGN KEY (`version_id`) REFERENCES `rt_versions` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_artifacts` DISABLE KEYS */;
INSERT INTO `rt_artifacts` VALUES (1,'model.safetensors','weights','sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c');
INSERT INTO `rt_artifacts` VALUES (2,'model.safetensors','weights','sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c');
INSERT INTO `rt_artifacts` VALUES (3,'model.safetensors','weights','sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c');
INSERT INTO `rt_artifacts` VALUES (4,'model.safetensors','weights','sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2');
INSERT INTO `rt_artifacts` VALUES (5,'model.safetensors','weights','sha256:64232cab5ff32163b44351a04b752b9c64237a48a7c05ae1533b5ddf11a4fe55');
INSERT INTO `rt_artifacts` VALUES (6,'model.safetensors','weights','sha256:c10b8784b201937882227ca1cca4a6d7aaf2bf1a6e1bc7538df1aa243df5e9a7');
/*!40000 ALTER TABLE `rt_artifacts` ENABLE KEYS */;
DROP TABLE IF EXISTS `rt_blobs`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `rt_blobs` (
  `digest` varchar(80) NOT NULL,
  `size_bytes` bigint(20) NOT NULL,
  `created_at` datetime(6) NOT NULL,
  `collected_at` datetime(6) DEFAULT NULL,
  `composed` tinyint(1) NOT NULL DEFAULT 0,
  PRIMARY KEY (`digest`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_blobs` DISABLE KEYS */;
INSERT INTO `rt_blobs` VALUES ('sha256:64232cab5ff32163b44351a04b752b9c64237a48a7c05ae1533b5ddf11a4fe55',2168994,'2026-11-20 11:45:08.289810',NULL,1);
INSERT INTO `rt_blobs` VALUES ('sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c',7,'2026-11-20 08:00:01.000000',NULL,0);
INSERT INTO `rt_blobs` VALUES ('sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2',2168994,'2026-11-20 11:45:08.207948',NULL,0);
INSERT INTO `rt_blobs` VALUES ('sha256:c10b8784b201937882227ca1cca4a6d7aaf2bf1a6e1bc7538df1aa243df5e9a7',2168994,'2026-11-20 11:45:08.371055',NULL,1);
INSERT INTO `rt_blobs` VALUES ('sha256:d0b995361f0eb4ce1b353f1e22a58b504fe371f298317ca2af044e1e7acb01e5',71842,'2026-11-20 11:45:08.371055',NULL,0);
INSERT INTO `rt_blobs` VALUES ('sha256:fc415ff6a8fa561897f0ba0022e6a3bd8dc1f33ce0459bd4197905ad9599b911',71842,'2026-11-20 11:45:08.289810',NULL,0);
/*!40000 ALTER TABLE `rt_blobs` ENABLE KEYS */;
DROP TABLE IF EXISTS `rt_data`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `rt_data` (
  `version_id` int(11) NOT NULL,
  `name` varchar(190) NOT NULL,
  `digest` varchar(190) NOT NULL,
  PRIMARY KEY (`version_id`,`name`),
  KEY `ix_rt_data_digest` (`digest`),
  CONSTRAINT `fk_rt_data_version_id` FOREIGN KEY (`version_id`) REFERENCES `rt_versions` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_data` DISABLE KEYS */;
INSERT INTO `rt_data` VALUES (4,'train','sha256:0000000000000000000000000000000000000000000000000000000000000000');
INSERT INTO `rt_data` VALUES (5,'train','sha256:0000000000000000000000000000000000000000000000000000000000000001');
INSERT INTO `rt_data` VALUES (6,'train','sha256:0000000000000000000000000000000000000000000000000000000000000002');
INSERT INTO `rt_data` VALUES (1,'train','sha256:1');
INSERT INTO `rt_data` VALUES (2,'train','sha256:1');
INSERT INTO `rt_data` VALUES (3,'train','sha256:1');
INSERT INTO `rt_data` VALUES (4,'data_dir/a.csv','sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
INSERT INTO `rt_data` VALUES (5,'data_dir/a.csv','sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
INSERT INTO `rt_data` VALUES (6,'data_dir/a.csv','sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
/*!40000 ALTER TABLE `rt_data` ENABLE KEYS */;
DROP TABLE IF EXISTS `rt_events`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `rt_events` (
  `model_id` int(11) NOT NULL,
  `seq` int(11) NOT NULL,
  `at` datetime(6) NOT NULL,
  `who` varchar(255) NOT NULL,
  `kind` varchar(32) NOT NULL,
  `version` varchar(100) DEFAULT NULL,
  `hash` varchar(64) NOT NULL,
  `facts` longtext NOT NULL,
  PRIMARY KEY (`model_id`,`seq`),
  CONSTRAINT `fk_rt_events_model_id` FOREIGN KEY (`model_id`) REFERENCES `rt_models` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_events` DISABLE KEYS */;
INSERT INTO `rt_events` VALUES (1,1,'2026-11-20 11:45:07.892285','ada','registered','1.0.0','590aa3c74c0ce64df1ca6fde550e0893c1976b583c070f878a53f4505bee4424','{\"bump\":\"first\",\"digest\":\"sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c\",\"forced\":false,\"number\":1}');
INSERT INTO `rt_events` VALUES (1,2,'2026-11-20 11:45:07.925528','ada','registered','1.1.0','f1395c3af7cf1602e9640248eef91772b56eac22a6cb4135f08354ec8234b135','{\"bump\":\"minor\",\"digest\":\"sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c\",\"forced\":false,\"number\":2}');
INSERT INTO `rt_events` VALUES (1,3,'2026-11-20 11:45:07.954389','ada','registered','2.0.0-rc.1','6eab5eb65a9a7596d8ae250a93a2a56a043b37b9a28aa3d0310934b6560b4e7f','{\"bump\":\"major\",\"digest\":\"sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c\",\"forced\":false,\"number\":3}');
INSERT INTO `rt_events` VALUES (1,4,'2026-11-20 11:45:07.979775','ada','alias_set','1.1.0','649832ed1346136a3365babb24d45797696eed598fae64cd89cdcfe0693b99ce','{\"alias\":\"champion\",\"before\":null}');
INSERT INTO `rt_events` VALUES (1,5,'2026-11-20 11:45:08.527920','ada','pinned','1.0.0','c5cfb293246bdadef4f97e2a7ff4ec4ef34fc1d701449fc7556e1803fb1acf06','{}');
INSERT INTO `rt_events` VALUES (1,6,'2026-11-20 11:45:08.596840','ada','deprecated','2.0.0-rc.1','687525b6f4c45560c7c176c470b44d3249852871d795272102b791d52c03f3c5','{\"reason\":\"overfits\",\"successor\":\"digits@1.1.0\",\"successor_home\":{\"model\":\"digits\",\"number\":2,\"registry\":\"08b73c9e-fe7b-420a-91fd-6e2d1ada81e8\",\"version\":\"1.1.0\"}}');
INSERT INTO `rt_events` VALUES (2,1,'2026-11-20 11:45:08.207948','ada','registered','1.0.0','c25a70c1e2434b71999866b3323d83267fecb60e89e7a24be6bd4880172e74dd','{\"bump\":\"first\",\"digest\":\"sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2\",\"forced\":false,\"number\":1}');
INSERT INTO `rt_events` VALUES (2,2,'2026-11-20 11:45:08.289810','ada','registered','1.1.0','6fb7b468d1ed2e8cff7dc75c450fc0ddb1571a4b4ea623820bef30fc6ba048aa','{\"bump\":\"minor\",\"digest\":\"sha256:64232cab5ff32163b44351a04b752b9c64237a48a7c05ae1533b5ddf11a4fe55\",\"forced\":false,\"number\":2}');
INSERT INTO `rt_events` VALUES (2,3,'2026-11-20 11:45:08.371055','ada','registered','1.2.0','8c1ffe575c7ece3384d667610ce33a6011e0b41864924335924a0fe90d1b5409','{\"bump\":\"minor\",\"digest\":\"sha256:c10b8784b201937882227ca1cca4a6d7aaf2bf1a6e1bc7538df1aa243df5e9a7\",\"forced\":false,\"number\":3}');
INSERT INTO `rt_events` VALUES (2,4,'2026-11-20 11:45:08.449613','ada','policy_set',NULL,'ac260cdffc3bdd868d20a710d4763ee325b27b446deacea02cc3e934703695c4','{\"before\":null,\"policy\":{\"retention\":{\"keep_newest\":1},\"stages\":{\"production\":{\"require\":{\"val/loss\":\"< 1\"}}}}}');
INSERT INTO `rt_events` VALUES (2,5,'2026-11-20 11:45:08.478373','ada','tagged','1.1.0','75fa359520d992a087aae4bb28c865e9f778c49f77175aaab8843f77b70e74eb','{\"before\":null,\"tag\":\"team\",\"value\":\"vision\"}');
INSERT INTO `rt_events` VALUES (2,6,'2026-11-20 11:45:08.505744','ada','described','1.1.0','30876f8b7212d6d9852d4c9ed51e5b247dc9a28985c2e579aa50ceb070f41518','{\"text\":\"Gr\\u00f6\\u00dfer\"}');
INSERT INTO `rt_events` VALUES (2,7,'2026-11-20 11:45:08.571343','ada','promoted','1.2.0','5aeca6ae19587534dd74f1797aadde93c9928e8ff5c27a597f8ef31500eafa7c','{\"before\":null,\"evidence\":[{\"found\":\"ready\",\"gate\":\"the version is ready\",\"passed\":true},{\"found\":\"0.3\",\"gate\":\"val/loss < 1\",\"passed\":true},{\"found\":\"none\",\"gate\":\"no ancestor is deprecated\",\"passed\":true}],\"stage\":\"production\"}');
INSERT INTO `rt_events` VALUES (2,8,'2026-11-20 11:45:08.623121','ada','archived','1.1.0','1f95a085fffb360e86abef8c55d99901821f4ee29517f4b404a6edae3b84681d','{\"reason\":\"too slow\"}');
INSERT INTO `rt_events` VALUES (2,9,'2026-11-20 11:45:08.646001','ada','expired','1.0.0','2874247f95fab542ac92f1981a39e6c5db602f602fcc5c685969196bf8beeccd','{\"reason\":\"deleted by hand\"}');
/*!40000 ALTER TABLE `rt_events` ENABLE KEYS */;
DROP TABLE IF EXISTS `rt_exports`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `rt_exports` (
  `version_id` int(11) NOT NULL,
  `format` varchar(32) NOT NULL,
  `passed` tinyint(1) NOT NULL,
  `digest` varchar(80) DEFAULT NULL,
  `created_at` datetime(6) NOT NULL,
  `report` longtext NOT NULL,
  PRIMARY KEY (`version_id`,`format`),
  KEY `ix_rt_exports_digest` (`digest`),
  CONSTRAINT `fk_rt_exports_digest` FOREIGN KEY (`digest`) REFERENCES `rt_blobs` (`digest`),
  CONSTRAINT `fk_rt_exports_version_id` FOREIGN KEY (`version_id`) REFERENCES `rt_versions` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_exports` DISABLE KEYS */;
INSERT INTO `rt_exports` VALUES (6,'onnx',1,NULL,'2026-11-20 08:00:06.000000','{\"opset\": 18}');
/*!40000 ALTER TABLE `rt_exports` ENABLE KEYS */;
DROP TABLE IF EXISTS `rt_lineage`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `rt_lineage` (
  `child_id` int(11) NOT NULL,
  `parent_id` int(11) NOT NULL,
  `relation` varchar(32) NOT NULL,
  PRIMARY KEY (`child_id`,`parent_id`,`relation`),
  KEY `ix_rt_lineage_parent_id` (`parent_id`),
  CONSTRAINT `fk_rt_lineage_child_id` FOREIGN KEY (`child_id`) REFERENCES `rt_versions` (`id`),
  CONSTRAINT `fk_rt_lineage_parent_id` FOREIGN KEY (`parent_id`) REFERENCES `rt_versions` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_lineage` DISABLE KEYS */;
INSERT INTO `rt_lineage` VALUES (2,1,'fine_tuned_from');
INSERT INTO `rt_lineage` VALUES (3,1,'fine_tuned_from');
/*!40000 ALTER TABLE `rt_lineage` ENABLE KEYS */;
DROP TABLE IF EXISTS `rt_marks`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `rt_marks` (
  `version_id` int(11) NOT NULL,
  `pinned` tinyint(1) NOT NULL DEFAULT 0,
  `status_before` varchar(16) DEFAULT NULL,
  `status_at` datetime(6) DEFAULT NULL,
  `status_reason` longtext DEFAULT NULL,
  `deprecation` longtext DEFAULT NULL,
  `successor` varchar(165) DEFAULT NULL,
  `expired_tick` double DEFAULT NULL,
  PRIMARY KEY (`version_id`),
  CONSTRAINT `fk_rt_marks_version_id` FOREIGN KEY (`version_id`) REFERENCES `rt_versions` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_marks` DISABLE KEYS */;
INSERT INTO `rt_marks` VALUES (1,1,NULL,NULL,NULL,NULL,NULL,NULL);
INSERT INTO `rt_marks` VALUES (3,0,'ready','2026-11-20 11:45:08.596840','overfits','overfits','digits@1.1.0',NULL);
INSERT INTO `rt_marks` VALUES (4,0,'ready','2026-11-20 11:45:08.646001','deleted by hand',NULL,NULL,0.825588);
INSERT INTO `rt_marks` VALUES (5,0,'ready','2026-11-20 11:45:08.623121','too slow',NULL,NULL,NULL);
/*!40000 ALTER TABLE `rt_marks` ENABLE KEYS */;
DROP TABLE IF EXISTS `rt_metrics`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `rt_metrics` (
  `version_id` int(11) NOT NULL,
  `name` varchar(190) NOT NULL,
  `value` double NOT NULL,
  PRIMARY KEY (`version_id`,`name`),
  KEY `ix_rt_metrics_name_value` (`name`,`value`),
  CONSTRAINT `fk_rt_metrics_version_id` FOREIGN KEY (`version_id`) REFERENCES `rt_versions` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_metrics` DISABLE KEYS */;
INSERT INTO `rt_metrics` VALUES (6,'val/loss',0.3);
INSERT INTO `rt_metrics` VALUES (5,'val/loss',0.4);
INSERT INTO `rt_metrics` VALUES (1,'val/loss',0.5);
INSERT INTO `rt_metrics` VALUES (2,'val/loss',0.5);
INSERT INTO `rt_metrics` VALUES (3,'val/loss',0.5);
INSERT INTO `rt_metrics` VALUES (4,'val/loss',0.5);
/*!40000 ALTER TABLE `rt_metrics` ENABLE KEYS */;
DROP TABLE IF EXISTS `rt_models`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `rt_models` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `name` varchar(64) NOT NULL,
  `next_number` int(11) NOT NULL,
  `created_at` datetime(6) NOT NULL,
  `events` int(11) NOT NULL DEFAULT 0,
  `head` varchar(64) NOT NULL DEFAULT '',
  `policy` longtext DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `uq_rt_models_name` (`name`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_models` DISABLE KEYS */;
INSERT INTO `rt_models` VALUES (1,'digits',4,'2026-11-20 08:00:01.000000',6,'687525b6f4c45560c7c176c470b44d3249852871d795272102b791d52c03f3c5',NULL);
INSERT INTO `rt_models` VALUES (2,'large',4,'2026-11-20 11:45:08.207948',9,'2874247f95fab542ac92f1981a39e6c5db602f602fcc5c685969196bf8beeccd','{\"retention\": {\"keep_newest\": 1}, \"stages\": {\"production\": {\"require\": {\"val/loss\": \"< 1\"}}}}');
/*!40000 ALTER TABLE `rt_models` ENABLE KEYS */;
DROP TABLE IF EXISTS `rt_origins`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `rt_origins` (
  `version_id` int(11) NOT NULL,
  `registry_uid` varchar(36) NOT NULL,
  `model` varchar(64) NOT NULL,
  `version` varchar(100) NOT NULL,
  `number` int(11) NOT NULL,
  PRIMARY KEY (`version_id`),
  UNIQUE KEY `uq_rt_origins_registry_uid_model_version` (`registry_uid`,`model`,`version`),
  CONSTRAINT `fk_rt_origins_version_id` FOREIGN KEY (`version_id`) REFERENCES `rt_versions` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_origins` DISABLE KEYS */;
INSERT INTO `rt_origins` VALUES (6,'00000000-0000-4000-8000-000000000000','elsewhere','3.1.0',7);
/*!40000 ALTER TABLE `rt_origins` ENABLE KEYS */;
DROP TABLE IF EXISTS `rt_params`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `rt_params` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `name` varchar(190) NOT NULL,
  `value` varchar(255) NOT NULL,
  `number` double DEFAULT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `uq_rt_params_name_value` (`name`,`value`),
  KEY `ix_rt_params_name_number` (`name`,`number`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_params` DISABLE KEYS */;
INSERT INTO `rt_params` VALUES (1,'optimizer.lr','0.1',0.1);
INSERT INTO `rt_params` VALUES (2,'optimizer.lr','0.01',0.01);
/*!40000 ALTER TABLE `rt_params` ENABLE KEYS */;
DROP TABLE IF EXISTS `rt_parts`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `rt_parts` (
  `digest` varchar(80) NOT NULL,
  `position` int(11) NOT NULL,
  `source` varchar(80) NOT NULL,
  `start` bigint(20) NOT NULL,
  `size_bytes` bigint(20) NOT NULL,
  PRIMARY KEY (`digest`,`position`),
  KEY `ix_rt_parts_source` (`source`),
  CONSTRAINT `fk_rt_parts_digest` FOREIGN KEY (`digest`) REFERENCES `rt_blobs` (`digest`),
  CONSTRAINT `fk_rt_parts_source` FOREIGN KEY (`source`) REFERENCES `rt_blobs` (`digest`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_parts` DISABLE KEYS */;
INSERT INTO `rt_parts` VALUES ('sha256:64232cab5ff32163b44351a04b752b9c64237a48a7c05ae1533b5ddf11a4fe55',0,'sha256:fc415ff6a8fa561897f0ba0022e6a3bd8dc1f33ce0459bd4197905ad9599b911',0,71842);
INSERT INTO `rt_parts` VALUES ('sha256:64232cab5ff32163b44351a04b752b9c64237a48a7c05ae1533b5ddf11a4fe55',1,'sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2',71842,2097152);
INSERT INTO `rt_parts` VALUES ('sha256:c10b8784b201937882227ca1cca4a6d7aaf2bf1a6e1bc7538df1aa243df5e9a7',0,'sha256:d0b995361f0eb4ce1b353f1e22a58b504fe371f298317ca2af044e1e7acb01e5',0,71842);
INSERT INTO `rt_parts` VALUES ('sha256:c10b8784b201937882227ca1cca4a6d7aaf2bf1a6e1bc7538df1aa243df5e9a7',1,'sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2',71842,2097152);
/*!40000 ALTER TABLE `rt_parts` ENABLE KEYS */;
DROP TABLE IF EXISTS `rt_registry`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `rt_registry` (
  `id` int(11) NOT NULL,
  `uid` varchar(36) NOT NULL,
  `seconds` double NOT NULL,
  `witnessed_at` datetime(6) NOT NULL,
  `boot_id` varchar(64) DEFAULT NULL,
  `boottime` double DEFAULT NULL,
  PRIMARY KEY (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_registry` DISABLE KEYS */;
INSERT INTO `rt_registry` VALUES (1,'08b73c9e-fe7b-420a-91fd-6e2d1ada81e8',0.825588,'2026-11-20 11:45:08.646011','3eafee7d-029d-402f-a5e7-9a201cc3818b',26515.598053804);
/*!40000 ALTER TABLE `rt_registry` ENABLE KEYS */;
DROP TABLE IF EXISTS `rt_run_inputs`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `rt_run_inputs` (
  `run_id` varchar(64) NOT NULL,
  `version_id` int(11) NOT NULL,
  `relation` varchar(32) NOT NULL,
  PRIMARY KEY (`run_id`,`version_id`,`relation`),
  KEY `ix_rt_run_inputs_version_id` (`version_id`),
  CONSTRAINT `fk_rt_run_inputs_run_id` FOREIGN KEY (`run_id`) REFERENCES `rt_runs` (`id`),
  CONSTRAINT `fk_rt_run_inputs_version_id` FOREIGN KEY (`version_id`) REFERENCES `rt_versions` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_run_inputs` DISABLE KEYS */;
INSERT INTO `rt_run_inputs` VALUES ('run-2',2,'fine_tuned_from');
/*!40000 ALTER TABLE `rt_run_inputs` ENABLE KEYS */;
DROP TABLE IF EXISTS `rt_runs`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `rt_runs` (
  `id` varchar(64) NOT NULL,
  `name` varchar(255) NOT NULL,
  `status` varchar(16) NOT NULL,
  `run_dir` varchar(700) NOT NULL,
  `host` varchar(255) NOT NULL,
  `pid` bigint(20) DEFAULT NULL,
  `pid_started` double DEFAULT NULL,
  `boot_id` varchar(64) DEFAULT NULL,
  `resumed_from` varchar(700) DEFAULT NULL,
  `started_at` datetime(6) NOT NULL,
  `finished_at` datetime(6) DEFAULT NULL,
  `seconds` double DEFAULT NULL,
  `steps` bigint(20) DEFAULT NULL,
  `epochs` int(11) DEFAULT NULL,
  `error` text DEFAULT NULL,
  `metrics` longtext NOT NULL,
  `best` longtext DEFAULT NULL,
  `data` longtext NOT NULL,
  `code` longtext NOT NULL,
  `environment` longtext NOT NULL,
  `config` longtext NOT NULL,
  PRIMARY KEY (`id`),
  KEY `ix_rt_runs_name_started_at` (`name`,`started_at`),
  KEY `ix_rt_runs_run_dir` (`run_dir`),
  KEY `ix_rt_runs_started_at` (`started_at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_runs` DISABLE KEYS */;
INSERT INTO `rt_runs` VALUES ('run-1','digits','finished','/runs/digits','',NULL,NULL,NULL,NULL,'2026-11-20 07:00:00.000000','2026-11-20 07:30:00.000000',1.5,10,1,NULL,'{\"val/loss\": 0.5}','{\"step\": 10}','{}','{}','{}','{\"optimizer\": {\"lr\": 0.1}}');
INSERT INTO `rt_runs` VALUES ('run-2','large','interrupted','/runs/large','',NULL,NULL,NULL,NULL,'2026-11-20 11:45:08.406703','2026-11-20 11:45:08.429547',NULL,NULL,NULL,NULL,'{}',NULL,'{}','{}','{}','{}');
/*!40000 ALTER TABLE `rt_runs` ENABLE KEYS */;
DROP TABLE IF EXISTS `rt_segments`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `rt_segments` (
  `digest` varchar(80) NOT NULL,
  `blob` varchar(80) NOT NULL,
  `start` bigint(20) NOT NULL,
  `size_bytes` bigint(20) NOT NULL,
  PRIMARY KEY (`digest`),
  KEY `ix_rt_segments_blob` (`blob`),
  CONSTRAINT `fk_rt_segments_blob` FOREIGN KEY (`blob`) REFERENCES `rt_blobs` (`digest`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_segments` DISABLE KEYS */;
INSERT INTO `rt_segments` VALUES ('blake3:17deb741007ebaa36572ec5257fc01c6ee95d649905e82d5e6a7f98977507580','sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2',162,71680);
INSERT INTO `rt_segments` VALUES ('blake3:3026c3d1909707183fdd482108e7ed57a61272d8b876dec8bde6d9056f9454b7','sha256:fc415ff6a8fa561897f0ba0022e6a3bd8dc1f33ce0459bd4197905ad9599b911',162,71680);
INSERT INTO `rt_segments` VALUES ('blake3:b7c4d76896c69df59f1cb3f329b89650324506ef1eef0d6bd5b3b89bcc7445f8','sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2',71842,2097152);
INSERT INTO `rt_segments` VALUES ('blake3:f703ff6658335d4bbeb0d30606383f42a48bdd594025d4614f79086c9c7cb4f5','sha256:d0b995361f0eb4ce1b353f1e22a58b504fe371f298317ca2af044e1e7acb01e5',162,71680);
/*!40000 ALTER TABLE `rt_segments` ENABLE KEYS */;
DROP TABLE IF EXISTS `rt_signatures`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `rt_signatures` (
  `version_id` int(11) NOT NULL,
  `key_id` varchar(80) NOT NULL,
  `created_at` datetime(6) NOT NULL,
  `statement` longtext NOT NULL,
  `bundle` longtext NOT NULL,
  PRIMARY KEY (`version_id`,`key_id`),
  CONSTRAINT `fk_rt_signatures_version_id` FOREIGN KEY (`version_id`) REFERENCES `rt_versions` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_signatures` DISABLE KEYS */;
INSERT INTO `rt_signatures` VALUES (6,'sha256:key','2026-11-20 08:00:06.000000','{}','{}');
/*!40000 ALTER TABLE `rt_signatures` ENABLE KEYS */;
DROP TABLE IF EXISTS `rt_tags`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `rt_tags` (
  `version_id` int(11) NOT NULL,
  `name` varchar(64) NOT NULL,
  `value` varchar(255) NOT NULL,
  PRIMARY KEY (`version_id`,`name`),
  KEY `ix_rt_tags_name_value` (`name`,`value`),
  CONSTRAINT `fk_rt_tags_version_id` FOREIGN KEY (`version_id`) REFERENCES `rt_versions` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_tags` DISABLE KEYS */;
INSERT INTO `rt_tags` VALUES (5,'team','vision');
/*!40000 ALTER TABLE `rt_tags` ENABLE KEYS */;
DROP TABLE IF EXISTS `rt_version_params`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `rt_version_params` (
  `param_id` int(11) NOT NULL,
  `version_id` int(11) NOT NULL,
  PRIMARY KEY (`param_id`,`version_id`),
  KEY `fk_rt_version_params_version_id` (`version_id`),
  CONSTRAINT `fk_rt_version_params_param_id` FOREIGN KEY (`param_id`) REFERENCES `rt_params` (`id`),
  CONSTRAINT `fk_rt_version_params_version_id` FOREIGN KEY (`version_id`) REFERENCES `rt_versions` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_version_params` DISABLE KEYS */;
INSERT INTO `rt_version_params` VALUES (1,1);
INSERT INTO `rt_version_params` VALUES (1,4);
INSERT INTO `rt_version_params` VALUES (1,5);
INSERT INTO `rt_version_params` VALUES (1,6);
INSERT INTO `rt_version_params` VALUES (2,2);
INSERT INTO `rt_version_params` VALUES (2,3);
/*!40000 ALTER TABLE `rt_version_params` ENABLE KEYS */;
DROP TABLE IF EXISTS `rt_versions`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `rt_versions` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `model_id` int(11) NOT NULL,
  `number` int(11) NOT NULL,
  `major` int(11) NOT NULL,
  `minor` int(11) NOT NULL,
  `patch` int(11) NOT NULL,
  `prerelease` varchar(64) NOT NULL,
  `sort_key` varchar(400) NOT NULL,
  `status` varchar(16) NOT NULL,
  `run_id` varchar(64) DEFAULT NULL,
  `digest` varchar(80) NOT NULL,
  `size_bytes` bigint(20) NOT NULL,
  `created_at` datetime(6) NOT NULL,
  `created_by` varchar(255) NOT NULL,
  `git_commit` varchar(64) DEFAULT NULL,
  `dirty` tinyint(1) DEFAULT NULL,
  `idempotency_key` varchar(128) DEFAULT NULL,
  `summary` longtext NOT NULL,
  `bump` longtext NOT NULL,
  `metrics` longtext NOT NULL,
  `signature` longtext NOT NULL,
  `config` longtext NOT NULL,
  `recipe` longtext NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `uq_rt_versions_model_id_major_minor_patch_prerelease` (`model_id`,`major`,`minor`,`patch`,`prerelease`),
  UNIQUE KEY `uq_rt_versions_model_id_number` (`model_id`,`number`),
  UNIQUE KEY `uq_rt_versions_idempotency_key` (`idempotency_key`),
  KEY `ix_rt_versions_order` (`model_id`,`sort_key`,`status`,`prerelease`,`size_bytes`),
  KEY `ix_rt_versions_run_id` (`run_id`),
  KEY `ix_rt_versions_created_at` (`created_at`),
  CONSTRAINT `fk_rt_versions_model_id` FOREIGN KEY (`model_id`) REFERENCES `rt_models` (`id`),
  CONSTRAINT `fk_rt_versions_run_id` FOREIGN KEY (`run_id`) REFERENCES `rt_runs` (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_versions` DISABLE KEYS */;
INSERT INTO `rt_versions` VALUES (1,1,1,1,0,0,'','0000000001000000000000000000001','ready','run-1','sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c',7,'2026-11-20 08:00:01.000000','ada','abc',0,'key-0','','{\"kind\": \"first\", \"computed\": \"first\", \"reasons\": [\"first version\"], \"overruled\": null, \"forced\": false, \"base\": null}','{\"val/loss\": 0.5}','{\"input\": {\"shape\": [null, 64]}}','{\"optimizer\": {\"lr\": 0.1}}','{\"config\": null, \"data\": {\"train\": \"sha256:1\"}, \"code\": {\"model.py\": \"sha256:2\"}, \"state\": {\"fc.weight\": [[10, 64], \"float32\"]}}');
INSERT INTO `rt_versions` VALUES (2,1,2,1,1,0,'','0000000001000000000100000000001','ready','run-1','sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c',7,'2026-11-20 08:00:02.000000','ada','abc',0,'key-1','','{\"kind\": \"minor\", \"computed\": \"minor\", \"reasons\": [\"optimizer.lr: 0.1 \\u2192 0.01\"], \"overruled\": null, \"forced\": false, \"base\": \"1.0.0\"}','{\"val/loss\": 0.5}','{\"input\": {\"shape\": [null, 64]}}','{\"optimizer\": {\"lr\": 0.01}}','{\"config\": null, \"data\": {\"train\": \"sha256:1\"}, \"code\": {\"model.py\": \"sha256:2\"}, \"state\": {\"fc.weight\": [[10, 64], \"float32\"]}}');
INSERT INTO `rt_versions` VALUES (3,1,3,2,0,0,'rc.1','00000000020000000000000000000003172630130303131','deprecated','run-1','sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c',7,'2026-11-20 08:00:03.000000','ada','abc',0,'key-2','','{\"kind\": \"major\", \"computed\": \"patch\", \"reasons\": [\"same recipe\"], \"overruled\": \"version given\", \"forced\": false, \"base\": \"1.1.0\"}','{\"val/loss\": 0.5}','{\"input\": {\"shape\": [null, 64]}}','{\"optimizer\": {\"lr\": 0.01}}','{\"config\": null, \"data\": {\"train\": \"sha256:1\"}, \"code\": {\"model.py\": \"sha256:2\"}, \"state\": {\"fc.weight\": [[10, 64], \"float32\"]}}');
INSERT INTO `rt_versions` VALUES (4,2,1,1,0,0,'','0000000001000000000000000000001','expired',NULL,'sha256:a9ddd2016c3ed01a0311e7bedd219a6e68de7244f9b8dea44b1b19abc52c25d2',2168994,'2026-11-20 11:45:08.207948','ada',NULL,NULL,NULL,'','{\"kind\": \"first\", \"computed\": \"first\", \"reasons\": [\"first version\"], \"overruled\": null, \"forced\": false, \"base\": null}','{\"val/loss\": 0.5}','{}','{\"optimizer\": {\"lr\": 0.1}}','{\"config\": null, \"data\": {\"train\": \"sha256:0000000000000000000000000000000000000000000000000000000000000000\", \"data_dir/a.csv\": \"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}, \"code\": {}, \"state\": {}}');
INSERT INTO `rt_versions` VALUES (5,2,2,1,1,0,'','0000000001000000000100000000001','archived',NULL,'sha256:64232cab5ff32163b44351a04b752b9c64237a48a7c05ae1533b5ddf11a4fe55',2168994,'2026-11-20 11:45:08.289810','ada',NULL,NULL,NULL,'Größer','{\"kind\": \"minor\", \"computed\": \"minor\", \"reasons\": [\"data: train: sha256:000000000000 \\u2192 sha256:000000000000\"], \"overruled\": null, \"forced\": false, \"base\": \"1.0.0\"}','{\"val/loss\": 0.4}','{}','{\"optimizer\": {\"lr\": 0.1}}','{\"config\": null, \"data\": {\"train\": \"sha256:0000000000000000000000000000000000000000000000000000000000000001\", \"data_dir/a.csv\": \"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}, \"code\": {}, \"state\": {}}');
INSERT INTO `rt_versions` VALUES (6,2,3,1,2,0,'','0000000001000000000200000000001','ready',NULL,'sha256:c10b8784b201937882227ca1cca4a6d7aaf2bf1a6e1bc7538df1aa243df5e9a7',2168994,'2026-11-20 11:45:08.371055','ada',NULL,NULL,NULL,'','{\"kind\": \"minor\", \"computed\": \"minor\", \"reasons\": [\"data: train: sha256:000000000000 \\u2192 sha256:000000000000\"], \"overruled\": null, \"forced\": false, \"base\": \"1.1.0\"}','{\"val/loss\": 0.3}','{}','{\"optimizer\": {\"lr\": 0.1}}','{\"config\": null, \"data\": {\"train\": \"sha256:0000000000000000000000000000000000000000000000000000000000000002\", \"data_dir/a.csv\": \"sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}, \"code\": {}, \"state\": {}}');
/*!40000 ALTER TABLE `rt_versions` ENABLE KEYS */;
/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;

/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
/*!40014 SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS */;
/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;
/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;
/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;
