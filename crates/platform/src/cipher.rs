//! Tokens at rest: encrypted under the KMS key, bound to their workspace by the encryption context.

use std::future::Future;

use aws_sdk_kms::{error::DisplayErrorContext, primitives::Blob};
use intercom::WorkspaceId;
use secrecy::{ExposeSecret, SecretString};

/// The `purpose` of the encryption context; the functions' roles may use the key with this one only.
pub const PURPOSE: &str = "intercom-token";

/// A token could not be encrypted or decrypted.
#[derive(Debug, thiserror::Error)]
pub enum CipherError {
    /// KMS could not be reached, throttled or refused.
    #[error("KMS failed: {0}")]
    Kms(String),
    /// What came back is no text, or nothing: the ciphertext is another workspace's or damaged.
    #[error("the stored token cannot be read: connect the workspace again")]
    Unreadable,
}

/// Encrypts and decrypts a workspace's token.
pub trait TokenCipher: Send + Sync {
    /// Ciphertext that only opens for the same workspace.
    fn encrypt(
        &self,
        workspace: &WorkspaceId,
        token: &SecretString,
    ) -> impl Future<Output = Result<Vec<u8>, CipherError>> + Send;

    /// The token again.
    fn decrypt(
        &self,
        workspace: &WorkspaceId,
        ciphertext: &[u8],
    ) -> impl Future<Output = Result<SecretString, CipherError>> + Send;
}

/// The real one.
#[derive(Clone, Debug)]
pub struct Kms {
    client: aws_sdk_kms::Client,
    key_id: String,
}

impl Kms {
    /// Uses this key, and decrypts nothing that another key encrypted.
    pub fn new(client: aws_sdk_kms::Client, key_id: impl Into<String>) -> Self {
        Self { client, key_id: key_id.into() }
    }
}

impl TokenCipher for Kms {
    async fn encrypt(&self, workspace: &WorkspaceId, token: &SecretString) -> Result<Vec<u8>, CipherError> {
        let answer = self
            .client
            .encrypt()
            .key_id(&self.key_id)
            .plaintext(Blob::new(token.expose_secret().as_bytes()))
            .encryption_context("workspace", workspace.as_str())
            .encryption_context("purpose", PURPOSE)
            .send()
            .await
            .map_err(|e| CipherError::Kms(DisplayErrorContext(e).to_string()))?;
        answer.ciphertext_blob.map(Blob::into_inner).ok_or(CipherError::Unreadable)
    }

    async fn decrypt(&self, workspace: &WorkspaceId, ciphertext: &[u8]) -> Result<SecretString, CipherError> {
        let answer = self
            .client
            .decrypt()
            .key_id(&self.key_id)
            .ciphertext_blob(Blob::new(ciphertext))
            .encryption_context("workspace", workspace.as_str())
            .encryption_context("purpose", PURPOSE)
            .send()
            .await
            .map_err(|e| CipherError::Kms(DisplayErrorContext(e).to_string()))?;
        let plaintext = answer.plaintext.ok_or(CipherError::Unreadable)?.into_inner();
        String::from_utf8(plaintext).map(SecretString::from).map_err(|_| CipherError::Unreadable)
    }
}
