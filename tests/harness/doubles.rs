//! Small stand-ins for KMS, Secrets Manager, randomness and CloudWatch.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use intercom::WorkspaceId;
use platform::{
    cipher::{CipherError, TokenCipher},
    credentials::{Credentials, CredentialsError, CredentialsSource},
    metrics::Metrics,
    random::{NoRandomness, Random},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// Like KMS with an encryption context: what was encrypted for one workspace does not open for another.
#[derive(Clone, Debug, Default)]
pub struct WorkspaceCipher {
    broken: Arc<AtomicBool>,
}

impl WorkspaceCipher {
    /// From now on (or no longer) nothing can be encrypted or decrypted.
    pub fn set_broken(&self, broken: bool) {
        self.broken.store(broken, Ordering::SeqCst);
    }

    fn check(&self) -> Result<(), CipherError> {
        match self.broken.load(Ordering::SeqCst) {
            true => Err(CipherError::Kms("switched off by the test".to_owned())),
            false => Ok(()),
        }
    }
}

impl TokenCipher for WorkspaceCipher {
    async fn encrypt(&self, workspace: &WorkspaceId, token: &SecretString) -> Result<Vec<u8>, CipherError> {
        self.check()?;
        let clear = format!("{workspace}\n{}", token.expose_secret());
        Ok(clear.bytes().map(|byte| byte ^ 0xA5).collect())
    }

    async fn decrypt(&self, workspace: &WorkspaceId, ciphertext: &[u8]) -> Result<SecretString, CipherError> {
        self.check()?;
        let clear = String::from_utf8(ciphertext.iter().map(|byte| byte ^ 0xA5).collect());
        let clear = clear.map_err(|_| CipherError::Unreadable)?;
        let token = clear.strip_prefix(&format!("{workspace}\n")).ok_or(CipherError::Unreadable)?;
        Ok(SecretString::from(token))
    }
}

/// Credentials that a test can change, like a secret that is rotated.
#[derive(Clone)]
pub struct FixedCredentials(Arc<Mutex<Credentials>>);

impl FixedCredentials {
    /// These for now.
    pub fn new(credentials: Credentials) -> Self {
        Self(Arc::new(Mutex::new(credentials)))
    }

    /// Others from now on.
    pub fn rotate(&self, change: impl FnOnce(&mut Credentials)) {
        change(&mut self.0.lock().unwrap());
    }
}

impl CredentialsSource for FixedCredentials {
    async fn read(&self) -> Result<Credentials, CredentialsError> {
        Ok(self.0.lock().unwrap().clone())
    }
}

/// 1, 2, 3 …: what is random elsewhere is told apart here.
#[derive(Debug, Default)]
pub struct SequentialRandom(AtomicU64);

impl Random for SequentialRandom {
    fn bytes(&self) -> Result<[u8; 32], NoRandomness> {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&(self.0.fetch_add(1, Ordering::SeqCst) + 1).to_be_bytes());
        Ok(bytes)
    }
}

/// Every metric that was written.
#[derive(Clone, Default)]
pub struct MetricLog(Arc<Mutex<Vec<Value>>>);

impl MetricLog {
    /// Metrics that end up here.
    pub fn of(&self, service: &'static str) -> Metrics {
        let lines = Arc::clone(&self.0);
        Metrics::new(service, move |line| lines.lock().unwrap().push(serde_json::from_str(line).unwrap()))
    }

    /// Every line, as it would stand in the log.
    pub fn text(&self) -> String {
        self.0.lock().unwrap().iter().map(|line| format!("{line}\n")).collect()
    }

    /// The sum of one metric.
    pub fn sum(&self, name: &str) -> u64 {
        self.0.lock().unwrap().iter().filter_map(|line| line.get(name)?.as_u64()).sum()
    }

    /// The lines of one metric.
    pub fn lines(&self, name: &str) -> Vec<Value> {
        self.0.lock().unwrap().iter().filter(|line| line.get(name).is_some()).cloned().collect()
    }
}
