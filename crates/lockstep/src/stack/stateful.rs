//! The resources that hold data.

/// The types whose resources hold data that is gone with them. Keys are among them: what they
/// encrypted is gone, too.
const STATEFUL: [&str; 50] = [
    "AWS::Backup::BackupVault",
    "AWS::Cassandra::Keyspace",
    "AWS::Cassandra::Table",
    "AWS::Cognito::IdentityPool",
    "AWS::Cognito::UserPool",
    "AWS::DAX::Cluster",
    "AWS::DocDB::DBCluster",
    "AWS::DocDB::DBInstance",
    "AWS::DocDBElastic::Cluster",
    "AWS::DSQL::Cluster",
    "AWS::DynamoDB::GlobalTable",
    "AWS::DynamoDB::Table",
    "AWS::EC2::Volume",
    "AWS::ECR::PublicRepository",
    "AWS::ECR::Repository",
    "AWS::EFS::FileSystem",
    "AWS::ElastiCache::CacheCluster",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::ElastiCache::ServerlessCache",
    "AWS::Elasticsearch::Domain",
    "AWS::EMR::Cluster",
    "AWS::FSx::FileSystem",
    "AWS::FSx::Volume",
    "AWS::Kinesis::Stream",
    "AWS::KMS::Key",
    "AWS::KMS::ReplicaKey",
    "AWS::MemoryDB::Cluster",
    "AWS::MSK::Cluster",
    "AWS::MSK::ServerlessCluster",
    "AWS::Neptune::DBCluster",
    "AWS::Neptune::DBInstance",
    "AWS::NeptuneGraph::Graph",
    "AWS::OpenSearchServerless::Collection",
    "AWS::OpenSearchService::Domain",
    "AWS::QLDB::Ledger",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::RDS::GlobalCluster",
    "AWS::Redshift::Cluster",
    "AWS::RedshiftServerless::Namespace",
    "AWS::S3::Bucket",
    "AWS::S3Express::DirectoryBucket",
    "AWS::S3Tables::TableBucket",
    "AWS::SDB::Domain",
    "AWS::SecretsManager::Secret",
    "AWS::SQS::Queue",
    "AWS::Timestream::Database",
    "AWS::Timestream::InfluxDBInstance",
    "AWS::Timestream::Table",
    "AWS::WorkSpaces::Workspace",
];

/// Whether resources of a type hold data.
pub fn is_stateful(resource_type: &str) -> bool {
    STATEFUL.contains(&resource_type)
}

/// All types whose resources hold data.
pub(crate) fn stateful_types() -> impl Iterator<Item = &'static str> {
    STATEFUL.into_iter()
}
