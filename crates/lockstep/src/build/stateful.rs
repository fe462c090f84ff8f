//! The resources that hold data, as Terraform and Pulumi call them.

use crate::stack;

/// The types of Terraform and OpenTofu whose resources hold data that is gone with them. Keys are
/// among them: what they encrypted is gone, too. Those that end in `_` stand for all that begin
/// so.
const TERRAFORM: [&str; 83] = [
    "aws_backup_vault",
    "aws_cloudhsm_v2_cluster",
    "aws_cognito_identity_pool",
    "aws_cognito_user_pool",
    "aws_dax_cluster",
    "aws_db_instance",
    "aws_docdb_cluster",
    "aws_docdb_cluster_instance",
    "aws_docdbelastic_cluster",
    "aws_dsql_cluster",
    "aws_dynamodb_global_table",
    "aws_dynamodb_table",
    "aws_ebs_volume",
    "aws_ecr_repository",
    "aws_ecrpublic_repository",
    "aws_efs_file_system",
    "aws_elasticache_cluster",
    "aws_elasticache_global_replication_group",
    "aws_elasticache_replication_group",
    "aws_elasticache_serverless_cache",
    "aws_elasticsearch_domain",
    "aws_emr_cluster",
    "aws_fsx_",
    "aws_keyspaces_keyspace",
    "aws_keyspaces_table",
    "aws_kinesis_stream",
    "aws_kms_external_key",
    "aws_kms_key",
    "aws_kms_replica_key",
    "aws_lightsail_bucket",
    "aws_lightsail_database",
    "aws_memorydb_cluster",
    "aws_memorydb_multi_region_cluster",
    "aws_mq_broker",
    "aws_msk_cluster",
    "aws_msk_serverless_cluster",
    "aws_neptune_cluster",
    "aws_neptune_cluster_instance",
    "aws_neptunegraph_graph",
    "aws_opensearch_domain",
    "aws_opensearchserverless_collection",
    "aws_qldb_ledger",
    "aws_rds_cluster",
    "aws_rds_cluster_instance",
    "aws_rds_global_cluster",
    "aws_redshift_cluster",
    "aws_redshiftserverless_namespace",
    "aws_s3_bucket",
    "aws_s3_directory_bucket",
    "aws_s3tables_table",
    "aws_s3tables_table_bucket",
    "aws_secretsmanager_secret",
    "aws_simpledb_domain",
    "aws_sqs_queue",
    "aws_timestreaminfluxdb_db_instance",
    "aws_timestreamwrite_database",
    "aws_timestreamwrite_table",
    "aws_workspaces_workspace",
    "azurerm_cosmosdb_account",
    "azurerm_key_vault",
    "azurerm_managed_disk",
    "azurerm_mssql_database",
    "azurerm_mysql_flexible_server",
    "azurerm_postgresql_flexible_server",
    "azurerm_redis_cache",
    "azurerm_storage_account",
    "azurerm_storage_container",
    "digitalocean_database_cluster",
    "digitalocean_volume",
    "google_alloydb_cluster",
    "google_artifact_registry_repository",
    "google_bigquery_dataset",
    "google_bigquery_table",
    "google_bigtable_instance",
    "google_compute_disk",
    "google_filestore_instance",
    "google_firestore_database",
    "google_kms_crypto_key",
    "google_redis_instance",
    "google_spanner_database",
    "google_sql_database",
    "google_sql_database_instance",
    "google_storage_bucket",
];

/// The types of Pulumi's provider for AWS that hold data: module and resource.
const PULUMI: [(&str, &str); 49] = [
    ("backup", "Vault"),
    ("cognito", "IdentityPool"),
    ("cognito", "UserPool"),
    ("dax", "Cluster"),
    ("docdb", "Cluster"),
    ("docdb", "ClusterInstance"),
    ("docdb", "ElasticCluster"),
    ("dynamodb", "GlobalTable"),
    ("dynamodb", "Table"),
    ("ebs", "Volume"),
    ("ecr", "Repository"),
    ("ecrpublic", "Repository"),
    ("efs", "FileSystem"),
    ("elasticache", "Cluster"),
    ("elasticache", "GlobalReplicationGroup"),
    ("elasticache", "ReplicationGroup"),
    ("elasticache", "ServerlessCache"),
    ("elasticsearch", "Domain"),
    ("emr", "Cluster"),
    ("fsx", "FileSystem"),
    ("fsx", "LustreFileSystem"),
    ("fsx", "OntapFileSystem"),
    ("fsx", "OntapVolume"),
    ("fsx", "OpenZfsFileSystem"),
    ("fsx", "OpenZfsVolume"),
    ("fsx", "WindowsFileSystem"),
    ("keyspaces", "Table"),
    ("kinesis", "Stream"),
    ("kms", "ExternalKey"),
    ("kms", "Key"),
    ("kms", "ReplicaKey"),
    ("memorydb", "Cluster"),
    ("mq", "Broker"),
    ("msk", "Cluster"),
    ("msk", "ServerlessCluster"),
    ("neptune", "Cluster"),
    ("neptune", "ClusterInstance"),
    ("opensearch", "Domain"),
    ("opensearch", "ServerlessCollection"),
    ("qldb", "Ledger"),
    ("rds", "Cluster"),
    ("rds", "ClusterInstance"),
    ("rds", "GlobalCluster"),
    ("rds", "Instance"),
    ("redshift", "Cluster"),
    ("s3", "Bucket"),
    ("secretsmanager", "Secret"),
    ("sqs", "Queue"),
    ("timestreamwrite", "Table"),
];

const PULUMI_GOOGLE: [(&str, &str); 11] = [
    ("alloydb", "Cluster"),
    ("bigquery", "Dataset"),
    ("bigquery", "Table"),
    ("bigtable", "Instance"),
    ("compute", "Disk"),
    ("firestore", "Database"),
    ("redis", "Instance"),
    ("spanner", "Database"),
    ("sql", "Database"),
    ("sql", "DatabaseInstance"),
    ("storage", "Bucket"),
];

const PULUMI_AZURE: [(&str, &str); 8] = [
    ("cache", "Redis"),
    ("compute", "Disk"),
    ("dbformysql", "Server"),
    ("dbforpostgresql", "Server"),
    ("documentdb", "DatabaseAccount"),
    ("keyvault", "Vault"),
    ("sql", "Database"),
    ("storage", "StorageAccount"),
];

/// Whether resources of a type hold data: a type of Terraform (`aws_db_instance`), of Pulumi
/// (`aws:rds/instance:Instance`, `aws-native:rds:DbInstance`) or of CloudFormation
/// (`AWS::RDS::DBInstance`).
pub fn is_stateful(kind: &str) -> bool {
    if kind.contains("::") {
        return stack::is_stateful(kind);
    }
    let is_meant =
        |known: &&str| *known == kind || (known.ends_with('_') && kind.starts_with(*known));
    TERRAFORM.iter().any(is_meant) || is_of_pulumi(kind)
}

fn is_of_pulumi(kind: &str) -> bool {
    let mut parts = kind.split(':');
    let (Some(package), Some(module), Some(resource)) = (parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    match package {
        // `aws:rds/instance:Instance`
        "aws" => {
            let module = module.split('/').next().unwrap_or_default();
            // Buckets come as Bucket, BucketV2 and so on.
            let resource = resource.trim_end_matches(|it: char| it.is_ascii_digit());
            let resource = resource.strip_suffix('V').unwrap_or(resource);
            PULUMI.contains(&(module, resource))
        }
        // `aws-native:rds:DbInstance`: CloudFormation's types in another spelling.
        "aws-native" => stack::stateful_types().any(|it| {
            let name = it.trim_start_matches("AWS::").replace("::", ":");
            name.eq_ignore_ascii_case(&format!("{module}:{resource}"))
        }),
        // `gcp:sql/databaseInstance:DatabaseInstance`
        "gcp" => {
            let module = module.split('/').next().unwrap_or_default();
            PULUMI_GOOGLE.contains(&(module, resource))
        }
        // `azure-native:storage:StorageAccount`, or with a version, `azure-native:storage/v20230101:...`
        "azure-native" => {
            let module = module.split('/').next().unwrap_or_default();
            PULUMI_AZURE.contains(&(module, resource))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{PULUMI, TERRAFORM, is_stateful};

    #[test]
    fn all_tools_name_what_holds_data() {
        let stateful = [
            "aws_db_instance",
            "aws_fsx_lustre_file_system",
            "google_sql_database_instance",
            "aws:rds/instance:Instance",
            "aws:dynamodb/table:Table",
            "aws:s3/bucket:Bucket",
            "aws:s3/bucketV2:BucketV2",
            "aws-native:rds:DbInstance",
            "aws-native:dynamodb:Table",
            "gcp:sql/databaseInstance:DatabaseInstance",
            "AWS::RDS::DBInstance",
        ];
        for kind in stateful {
            assert!(is_stateful(kind), "{kind}");
        }
        let others = [
            "",
            "output",
            "aws_ssm_parameter",
            "aws_s3_bucket_policy",
            "aws_ecs_service",
            "aws:ecs/service:Service",
            "aws:s3/bucketPolicy:BucketPolicy",
            "aws-native:ecs:Service",
            "kubernetes:core/v1:Namespace",
            "AWS::ECS::Service",
        ];
        for kind in others {
            assert!(!is_stateful(kind), "{kind}");
        }
    }

    #[test]
    fn the_lists_are_in_order() {
        assert!(TERRAFORM.is_sorted() && PULUMI.is_sorted());
    }
}
