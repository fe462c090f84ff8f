//! Pushing images to the emulator's ECR, by the registry protocol that `docker push` speaks.

use aws_sdk_ecr::error::DisplayErrorContext;
use aws_sdk_ecr::operation::create_repository::CreateRepositoryError;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::error::LocalError;
use super::image::{Blob, MANIFEST_TYPE, OciImage};

/// Makes the ECR repository unless it exists.
pub async fn ensure_repository(endpoint: &str, repository: &str) -> Result<(), LocalError> {
    let ecr = aws_sdk_ecr::Client::new(&super::sdk::config(endpoint));
    match ecr
        .create_repository()
        .repository_name(repository)
        .send()
        .await
    {
        Ok(_) => Ok(()),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(CreateRepositoryError::is_repository_already_exists_exception) =>
        {
            Ok(())
        }
        Err(error) => Err(LocalError::Refused {
            operation: format!("ecr:CreateRepository {repository}"),
            detail: DisplayErrorContext(&error).to_string(),
        }),
    }
}

/// Pushes an image under a tag and returns its digest. The repository must exist.
pub async fn push(
    endpoint: &str,
    image: &OciImage,
    repository: &str,
    tag: &str,
) -> Result<String, LocalError> {
    let registry = Registry {
        endpoint,
        repository,
        client: Client::builder(TokioExecutor::new()).build_http(),
    };
    for blob in &image.blobs {
        registry.push_blob(blob).await?;
    }
    registry.push_manifest(image, tag).await?;
    Ok(image.digest())
}

struct Registry<'a> {
    endpoint: &'a str,
    repository: &'a str,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Registry<'_> {
    async fn push_blob(&self, blob: &Blob) -> Result<(), LocalError> {
        let path = format!("/v2/{}/blobs/{}", self.repository, blob.digest);
        if self.send(Method::HEAD, &path, "", Bytes::new()).await?.0 == StatusCode::OK {
            return Ok(());
        }
        let uploads = format!("/v2/{}/blobs/uploads/", self.repository);
        let (status, headers, body) = self.send(Method::POST, &uploads, "", Bytes::new()).await?;
        self.expect(status, StatusCode::ACCEPTED, &body)?;
        let location = headers
            .get("location")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let location = location.strip_prefix(self.endpoint).unwrap_or(location);
        let separator = if location.contains('?') { '&' } else { '?' };
        let target = format!("{location}{separator}digest={}", blob.digest);
        let content = Bytes::from(blob.content.clone());
        let (status, _, body) = self
            .send(Method::PUT, &target, "application/octet-stream", content)
            .await?;
        self.expect(status, StatusCode::CREATED, &body)
    }

    async fn push_manifest(&self, image: &OciImage, tag: &str) -> Result<(), LocalError> {
        let path = format!("/v2/{}/manifests/{tag}", self.repository);
        let content = Bytes::from(image.manifest.clone());
        let (status, _, body) = self
            .send(Method::PUT, &path, MANIFEST_TYPE, content)
            .await?;
        self.expect(status, StatusCode::CREATED, &body)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Bytes,
    ) -> Result<(StatusCode, HeaderMap, Bytes), LocalError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.endpoint));
        if !content_type.is_empty() {
            request = request.header("content-type", content_type);
        }
        let request = request
            .header("user-agent", "lockstep")
            .body(Full::new(body))
            .map_err(|error| self.failed(&error))?;
        let response = self
            .client
            .request(request)
            .await
            .map_err(|error| self.failed(&error))?;
        let (head, body) = response.into_parts();
        let body = body
            .collect()
            .await
            .map_err(|error| self.failed(&error))?
            .to_bytes();
        Ok((head.status, head.headers, body))
    }

    fn expect(
        &self,
        status: StatusCode,
        wanted: StatusCode,
        body: &Bytes,
    ) -> Result<(), LocalError> {
        if status == wanted {
            return Ok(());
        }
        let detail = format!("{status}: {}", String::from_utf8_lossy(body));
        Err(LocalError::Push {
            repository: self.repository.to_owned(),
            detail,
        })
    }

    fn failed(&self, error: &impl ToString) -> LocalError {
        LocalError::Push {
            repository: self.repository.to_owned(),
            detail: error.to_string(),
        }
    }
}
