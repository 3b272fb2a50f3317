//! Randomness that nobody can guess.

/// A source of random bytes.
pub trait Random: Send + Sync {
    /// 256 random bits.
    ///
    /// # Errors
    /// Where the operating system has none to give; the request then fails rather than use a weaker source.
    fn bytes(&self) -> Result<[u8; 32], NoRandomness>;
}

/// The operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no random bytes: try again")]
pub struct NoRandomness;

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn bytes(&self) -> Result<[u8; 32], NoRandomness> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(bytes)
    }
}

/// 0 to 999: sets processes apart that would otherwise all wake at the same moment.
///
/// # Errors
/// As [`Random::bytes`].
pub fn spread(random: &impl Random) -> Result<u32, NoRandomness> {
    let [a, b, ..] = random.bytes()?;
    Ok(u32::from(u16::from_be_bytes([a, b])) % 1000)
}
