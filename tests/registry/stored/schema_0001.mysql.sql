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
INSERT INTO `rt_alembic_version` VALUES ('0001');
/*!40000 ALTER TABLE `rt_alembic_version` ENABLE KEYS */;
DROP TABLE IF EXISTS `rt_aliases`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `rt_aliases` (
  `model_id` int(11) NOT NULL,
  `name` varchar(64) NOT NULL,
  `version_id` int(11) NOT NULL,
  `updated_at` datetime(6) NOT NULL,
  PRIMARY KEY (`model_id`,`name`),
  KEY `ix_rt_aliases_version_id` (`version_id`),
  CONSTRAINT `fk_rt_aliases_model_id` FOREIGN KEY (`model_id`) REFERENCES `rt_models` (`id`),
  CONSTRAINT `fk_rt_aliases_version_id` FOREIGN KEY (`version_id`) REFERENCES `rt_versions` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_aliases` DISABLE KEYS */;
INSERT INTO `rt_aliases` VALUES (1,'champion',2,'2026-11-20 08:00:05.000000');
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
/*!40000 ALTER TABLE `rt_artifacts` ENABLE KEYS */;
DROP TABLE IF EXISTS `rt_blobs`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `rt_blobs` (
  `digest` varchar(80) NOT NULL,
  `size_bytes` bigint(20) NOT NULL,
  `created_at` datetime(6) NOT NULL,
  PRIMARY KEY (`digest`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_blobs` DISABLE KEYS */;
INSERT INTO `rt_blobs` VALUES ('sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c',7,'2026-11-20 08:00:01.000000');
/*!40000 ALTER TABLE `rt_blobs` ENABLE KEYS */;
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
DROP TABLE IF EXISTS `rt_models`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `rt_models` (
  `id` int(11) NOT NULL AUTO_INCREMENT,
  `name` varchar(64) NOT NULL,
  `next_number` int(11) NOT NULL,
  `created_at` datetime(6) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `uq_rt_models_name` (`name`)
) ENGINE=InnoDB AUTO_INCREMENT=2 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_models` DISABLE KEYS */;
INSERT INTO `rt_models` VALUES (1,'digits',4,'2026-11-20 08:00:01.000000');
/*!40000 ALTER TABLE `rt_models` ENABLE KEYS */;
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
/*!40000 ALTER TABLE `rt_runs` ENABLE KEYS */;
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
  CONSTRAINT `fk_rt_versions_model_id` FOREIGN KEY (`model_id`) REFERENCES `rt_models` (`id`),
  CONSTRAINT `fk_rt_versions_run_id` FOREIGN KEY (`run_id`) REFERENCES `rt_runs` (`id`)
) ENGINE=InnoDB AUTO_INCREMENT=4 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;
/*!40101 SET character_set_client = @saved_cs_client */;

/*!40000 ALTER TABLE `rt_versions` DISABLE KEYS */;
INSERT INTO `rt_versions` VALUES (1,1,1,1,0,0,'','0000000001000000000000000000001','ready','run-1','sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c',7,'2026-11-20 08:00:01.000000','','abc',0,'key-0','','{\"kind\": \"first\", \"computed\": \"first\", \"reasons\": [\"first version\"], \"overruled\": null}','{\"val/loss\": 0.5}','{\"input\": {\"shape\": [null, 64]}}','{\"optimizer\": {\"lr\": 0.1}}','{\"config\": null, \"data\": {\"train\": \"sha256:1\"}, \"code\": {\"model.py\": \"sha256:2\"}, \"state\": {\"fc.weight\": [[10, 64], \"float32\"]}}');
INSERT INTO `rt_versions` VALUES (2,1,2,1,1,0,'','0000000001000000000100000000001','ready','run-1','sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c',7,'2026-11-20 08:00:02.000000','','abc',0,'key-1','','{\"kind\": \"minor\", \"computed\": \"minor\", \"reasons\": [\"optimizer.lr: 0.1 \\u2192 0.01\"], \"overruled\": null}','{\"val/loss\": 0.5}','{\"input\": {\"shape\": [null, 64]}}','{\"optimizer\": {\"lr\": 0.01}}','{\"config\": null, \"data\": {\"train\": \"sha256:1\"}, \"code\": {\"model.py\": \"sha256:2\"}, \"state\": {\"fc.weight\": [[10, 64], \"float32\"]}}');
INSERT INTO `rt_versions` VALUES (3,1,3,2,0,0,'rc.1','00000000020000000000000000000003172630130303131','ready','run-1','sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c',7,'2026-11-20 08:00:03.000000','','abc',0,'key-2','','{\"kind\": \"patch\", \"computed\": \"patch\", \"reasons\": [\"same recipe\"], \"overruled\": \"version given\"}','{\"val/loss\": 0.5}','{\"input\": {\"shape\": [null, 64]}}','{\"optimizer\": {\"lr\": 0.01}}','{\"config\": null, \"data\": {\"train\": \"sha256:1\"}, \"code\": {\"model.py\": \"sha256:2\"}, \"state\": {\"fc.weight\": [[10, 64], \"float32\"]}}');
/*!40000 ALTER TABLE `rt_versions` ENABLE KEYS */;
/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;

/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
/*!40014 SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS */;
/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;
/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;
/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;
