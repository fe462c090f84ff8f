//! Which image of a repository a person asks for.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::manifest::names::{is_digest, is_tag};

/// An image of a known repository, by tag or by digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum ImageReference {
    /// The image that the tag points to when the deployment begins.
    Tag(String),
    /// Exactly this image: `sha256:` and 64 hex digits.
    Digest(String),
}

impl ImageReference {
    /// Reads a reference, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text {
            _ if is_digest(text) => Ok(Self::Digest(text.to_owned())),
            _ if is_tag(text) => Ok(Self::Tag(text.to_owned())),
            _ if text.starts_with("sha256:") => Err(format!(
                "found `{text}`, expected `sha256:` and 64 lower-case hex digits"
            )),
            _ if text.contains(['/', ':', '@']) => Err(format!(
                "found `{text}`, expected a tag or a digest alone: the manifest names the repository"
            )),
            _ => Err(format!(
                "found `{text}`, expected a tag (up to 128 letters, digits, `.`, `_`, `-`) or a `sha256:` digest"
            )),
        }
    }

    /// The text it was read from.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Tag(text) | Self::Digest(text) => text,
        }
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<ImageReference> for String {
    fn from(reference: ImageReference) -> Self {
        match reference {
            ImageReference::Tag(text) | ImageReference::Digest(text) => text,
        }
    }
}

impl TryFrom<String> for ImageReference {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}
