//! The certificates of the authorities that the system trusts.

use std::io;
use std::path::{Path, PathBuf};

use base64_simd::STANDARD;
use memchr::memchr_iter;
use memchr::memmem::{find, find_iter};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;

/// Names the file of certificates, as for OpenSSL. Where it is not set, the places are searched that OpenSSL is built with;
/// on Lambda that is `/etc/pki/tls/certs/ca-bundle.crt`.
const FILE: &str = "SSL_CERT_FILE";

const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
const END: &[u8] = b"-----END CERTIFICATE-----";

/// Reads the certificates. What cannot be read is left out and logged: a missing certificate shows as a refused
/// connection, which is the safe side, and only to those whom it concerns.
pub(super) fn root_certificates() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    let Some(file) = file() else {
        tracing::error!(
            "no root certificates are installed, so no TLS connection will be made; {FILE} can name a file"
        );
        return roots;
    };
    match certificates(&file) {
        Ok(certificates) => {
            let (_, ignored) = roots.add_parsable_certificates(certificates);
            if ignored > 0 {
                tracing::warn!(
                    ignored,
                    "{}: some certificates cannot be used",
                    file.display()
                );
            }
        }
        Err(error) => tracing::error!(
            "{}: {error}, so no TLS connection will be made",
            file.display()
        ),
    }
    roots
}

#[expect(
    clippy::disallowed_methods,
    reason = "the name of the variable is OpenSSL's, not one of ours"
)]
fn file() -> Option<PathBuf> {
    let named = std::env::var_os(FILE).map(PathBuf::from);
    named.or_else(|| openssl_probe::probe().cert_file)
}

/// The certificates of a PEM file. The reader of `rustls-pki-types` takes five times as long for them.
fn certificates(file: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let text = std::fs::read(file)?;
    let blocks = find_iter(&text, BEGIN).filter_map(|at| text.get(at + BEGIN.len()..));
    let certificates = blocks.map(|block| {
        let invalid = || io::Error::new(io::ErrorKind::InvalidData, "a certificate is no PEM");
        decode(block).map(CertificateDer::from).ok_or_else(invalid)
    });
    certificates.collect()
}

fn decode(block: &[u8]) -> Option<Vec<u8>> {
    let block = block.get(..find(block, END)?)?;
    let mut base64 = Vec::with_capacity(block.len());
    let mut begin = 0;
    for end in memchr_iter(b'\n', block).chain([block.len()]) {
        base64.extend_from_slice(block.get(begin..end)?.trim_ascii());
        begin = end + 1;
    }
    STANDARD.decode_to_vec(base64).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::ErrorKind;

    use super::{certificates, file};

    #[test]
    fn the_systems_certificates_can_be_read() {
        let Some(file) = file() else {
            return eprintln!("skipped: this system has no root certificates");
        };
        assert!(certificates(&file).unwrap().len() > 5);
    }

    #[test]
    fn a_file_without_certificates_holds_none_and_a_broken_one_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("roots.pem");
        let error = || certificates(&file).unwrap_err().kind();
        assert_eq!(error(), ErrorKind::NotFound);

        std::fs::write(&file, "# nothing here\n").unwrap();
        assert!(certificates(&file).unwrap().is_empty());

        for inside in ["!!!\n-----END CERTIFICATE-----", "AAAA\n"] {
            std::fs::write(&file, format!("-----BEGIN CERTIFICATE-----\n{inside}\n")).unwrap();
            assert_eq!(error(), ErrorKind::InvalidData, "{inside}");
        }
    }

    #[test]
    fn comments_and_line_breaks_are_no_part_of_a_certificate() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("roots.pem");
        let one = "-----BEGIN CERTIFICATE-----\r\nAQ\r\nID\r\n-----END CERTIFICATE-----\r\n";
        std::fs::write(&file, format!("# one\n{one}# another\n{one}")).unwrap();
        let both = certificates(&file).unwrap();
        assert_eq!(
            both.iter().map(AsRef::as_ref).collect::<Vec<_>>(),
            [[1, 2, 3]; 2]
        );
    }
}
