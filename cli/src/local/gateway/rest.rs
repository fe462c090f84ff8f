//! The names of REST calls, which say in method and path what they are.

/// The operation of a call to Lambda.
pub(super) fn lambda(method: &str, path: &str, query: &str) -> Option<&'static str> {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let (_version, resource) = (parts.next()?, parts.next()?);
    let rest: Vec<_> = parts.skip(1).collect();
    let is_named = path.trim_end_matches('/').split('/').count() > 3;
    let found = match (resource, method, rest.as_slice()) {
        ("functions", "GET", []) if !is_named => "ListFunctions",
        ("functions", "POST", []) => "CreateFunction",
        ("functions", "GET", []) => "GetFunction",
        ("functions", "DELETE", []) => "DeleteFunction",
        ("functions", "POST", ["invocations"]) => "Invoke",
        ("functions", "GET", ["configuration"]) => "GetFunctionConfiguration",
        ("functions", "PUT", ["configuration"]) => "UpdateFunctionConfiguration",
        ("functions", "PUT", ["code"]) => "UpdateFunctionCode",
        ("functions", "GET", ["versions"]) => "ListVersionsByFunction",
        ("functions", "POST", ["versions"]) => "PublishVersion",
        ("functions", "GET", ["aliases"]) => "ListAliases",
        ("functions", "POST", ["aliases"]) => "CreateAlias",
        ("functions", "GET", ["aliases", _]) => "GetAlias",
        ("functions", "PUT", ["aliases", _]) => "UpdateAlias",
        ("functions", "DELETE", ["aliases", _]) => "DeleteAlias",
        ("functions", "GET", ["provisioned-concurrency"]) if query.contains("List=ALL") => {
            "ListProvisionedConcurrencyConfigs"
        }
        ("tags", "GET", _) => "ListTags",
        _ => return None,
    };
    Some(found)
}

/// The operation of a call to S3, the bucket in the path.
pub(super) fn s3(method: &str, path: &str, query: &str) -> Option<&'static str> {
    let mut parts = path.trim_start_matches('/').splitn(2, '/');
    let _bucket = parts.next().filter(|it| !it.is_empty())?;
    let key = parts.next().filter(|it| !it.is_empty());
    let is_asked = |name: &str| {
        query
            .split('&')
            .any(|pair| pair.split('=').next() == Some(name))
    };
    let found = match (method, key) {
        _ if is_asked("uploads") || is_asked("uploadId") => return None,
        ("GET", Some(_)) => "GetObject",
        ("HEAD", Some(_)) => "HeadObject",
        ("PUT", Some(_)) => "PutObject",
        ("DELETE", Some(_)) => "DeleteObject",
        ("GET", None) if is_asked("list-type") => "ListObjectsV2",
        ("HEAD", None) => "HeadBucket",
        ("POST", None) if is_asked("delete") => "DeleteObjects",
        _ => return None,
    };
    Some(found)
}

/// The operation of a call to CloudFront, for those that Lockstep makes.
pub(super) fn cloudfront(method: &str, path: &str) -> Option<&'static str> {
    let parts: Vec<_> = path.trim_matches('/').split('/').skip(1).collect();
    Some(match (method, parts.as_slice()) {
        ("GET", ["distribution", _]) => "GetDistribution",
        ("GET", ["distribution", _, "config"]) => "GetDistributionConfig",
        ("PUT", ["distribution", _, "config"]) => "UpdateDistribution",
        ("POST", ["distribution", _, "invalidation"]) => "CreateInvalidation",
        ("GET", ["key-value-store", _]) => "DescribeKeyValueStore",
        _ => return None,
    })
}

/// The operation of a call about the keys of a `KeyValueStore`. Its ARN has a slash, which some callers encode, and some not.
pub(super) fn key_values(method: &str, path: &str) -> Option<&'static str> {
    let about_key = path.contains("/keys/");
    let about_keys = about_key || path.ends_with("/keys");
    Some(match method {
        "GET" if about_key => "GetKey",
        "PUT" if about_key => "PutKey",
        "DELETE" if about_key => "DeleteKey",
        "GET" if about_keys => "ListKeys",
        "POST" if about_keys => "UpdateKeys",
        "GET" => "DescribeKeyValueStore",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{key_values, lambda, s3};

    #[test]
    fn calls_of_lambda() {
        let of = |method: &str, path: &str| lambda(method, path, "");
        let function = "/2015-03-31/functions/shop-api";
        let expected = [
            ("GET", "/2015-03-31/functions/", "ListFunctions"),
            ("GET", function, "GetFunction"),
            ("DELETE", function, "DeleteFunction"),
        ];
        for (method, path, operation) in expected {
            assert_eq!(of(method, path), Some(operation), "{method} {path}");
        }
        let below = |method, rest: &str| of(method, &format!("{function}/{rest}"));
        assert_eq!(below("POST", "invocations"), Some("Invoke"));
        assert_eq!(below("PUT", "code"), Some("UpdateFunctionCode"));
        assert_eq!(below("POST", "versions"), Some("PublishVersion"));
        assert_eq!(below("GET", "versions"), Some("ListVersionsByFunction"));
        assert_eq!(below("GET", "aliases/live"), Some("GetAlias"));
        assert_eq!(below("PUT", "aliases/live"), Some("UpdateAlias"));
        assert_eq!(below("GET", "anything"), None);
        let provisioned = "/2019-09-30/functions/shop-api/provisioned-concurrency";
        let listed = lambda("GET", provisioned, "List=ALL");
        assert_eq!(listed, Some("ListProvisionedConcurrencyConfigs"));
        let tags = "/2017-03-31/tags/arn%3Aaws%3Alambda";
        assert_eq!(of("GET", tags), Some("ListTags"));
    }

    #[test]
    fn calls_about_keys() {
        let store = "/key-value-stores/arn%3Aaws%3Acloudfront%3A%3A000000000000%3Akey-value-store%2Fpointers";
        assert_eq!(key_values("GET", store), Some("DescribeKeyValueStore"));
        let key = format!("{store}/keys/quiz%2Fdev%2Fweb");
        assert_eq!(key_values("GET", &key), Some("GetKey"));
        assert_eq!(key_values("PUT", &key), Some("PutKey"));
        assert_eq!(key_values("DELETE", &key), Some("DeleteKey"));
        assert_eq!(
            key_values("GET", &format!("{store}/keys")),
            Some("ListKeys")
        );
        assert_eq!(key_values("PATCH", &key), None);
    }

    #[test]
    fn calls_of_s3() {
        let key = "/bucket/releases/shop/1/api.zip";
        assert_eq!(s3("GET", key, "x-id=GetObject"), Some("GetObject"));
        assert_eq!(s3("HEAD", key, "versionId=1"), Some("HeadObject"));
        assert_eq!(s3("PUT", key, ""), Some("PutObject"));
        assert_eq!(s3("DELETE", key, ""), Some("DeleteObject"));
        assert_eq!(s3("PUT", key, "partNumber=1&uploadId=2"), None);
        assert_eq!(s3("GET", "/bucket", "list-type=2"), Some("ListObjectsV2"));
        assert_eq!(s3("HEAD", "/bucket", ""), Some("HeadBucket"));
        assert_eq!(s3("GET", "/", ""), None);
    }
}
