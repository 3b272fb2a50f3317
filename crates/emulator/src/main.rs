//! `intercom-emulator`: the emulator as a program.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use emulator::{Config, DEFAULT_PORT, DEFAULT_RATE_LIMIT_PER_10S, Emulator, Seed, Settings, Workspace};

/// An emulated Intercom on loopback, for tests and demonstrations.
#[derive(Debug, Parser)]
#[command(name = "intercom-emulator", version)]
struct Arguments {
    /// Port on 127.0.0.1; 0 takes any free one
    #[arg(long, default_value_t = DEFAULT_PORT)]
    port: u16,
    /// Number from which the workspace is made
    #[arg(long, default_value_t = Seed::default().seed)]
    seed: u64,
    /// Number of conversations
    #[arg(long, default_value_t = Seed::default().conversations)]
    conversations: u32,
    /// Number of contacts
    #[arg(long, default_value_t = Seed::default().contacts)]
    contacts: u32,
    /// Number of companies
    #[arg(long, default_value_t = Seed::default().companies)]
    companies: u32,
    /// Number of articles
    #[arg(long, default_value_t = Seed::default().articles)]
    articles: u32,
    /// Number of tickets
    #[arg(long, default_value_t = Seed::default().tickets)]
    tickets: u32,
    /// Parts of each conversation; without it, as many as its script gives
    #[arg(long)]
    parts_per_conversation: Option<u32>,
    /// Requests allowed in a window of ten seconds
    #[arg(long, default_value_t = DEFAULT_RATE_LIMIT_PER_10S)]
    rate_limit: u32,
    /// Where notifications are sent
    #[arg(long)]
    webhook_url: Option<String>,
    /// OAuth client id
    #[arg(long, env = "INTERCOM_CLIENT_ID", default_value_t = Config::default().client_id)]
    client_id: String,
    /// OAuth client secret, which also signs webhooks
    #[arg(long, env = "INTERCOM_CLIENT_SECRET", hide_env_values = true, default_value_t = Config::default().client_secret)]
    client_secret: String,
    /// A token that is good from the start (private-app mode)
    #[arg(long, env = "INTERCOM_ACCESS_TOKEN", hide_env_values = true)]
    access_token: Option<String>,
    /// Id code of the workspace
    #[arg(long, default_value_t = Workspace::default().id_code)]
    workspace: String,
    /// Region of the workspace: US, EU or AU
    #[arg(long, default_value_t = Workspace::default().region)]
    region: String,
}

impl From<Arguments> for Config {
    fn from(arguments: Arguments) -> Self {
        Self {
            port: arguments.port,
            seed: Seed {
                seed: arguments.seed,
                conversations: arguments.conversations,
                contacts: arguments.contacts,
                companies: arguments.companies,
                articles: arguments.articles,
                tickets: arguments.tickets,
                parts_per_conversation: arguments.parts_per_conversation,
            },
            workspace: Workspace { id_code: arguments.workspace, region: arguments.region, ..Workspace::default() },
            settings: Settings {
                webhook_url: arguments.webhook_url,
                rate_limit_per_10s: arguments.rate_limit,
                ..Settings::default()
            },
            client_id: arguments.client_id,
            client_secret: arguments.client_secret,
            access_token: arguments.access_token.filter(|token| !token.is_empty()),
            ..Self::default()
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let emulator = match Emulator::start(Arguments::parse().into()).await {
        Ok(emulator) => emulator,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "intercom-emulator: {error}");
            return ExitCode::FAILURE;
        }
    };
    if let Err(error) = announce(&emulator) {
        let _ = writeln!(std::io::stderr(), "intercom-emulator: {error}");
    }
    until_told_to_end().await;
    emulator.shutdown().await;
    ExitCode::SUCCESS
}

fn announce(emulator: &Emulator) -> std::io::Result<()> {
    let base = emulator.base_url();
    let workspace = emulator.state().workspace();
    let mut out = std::io::stdout().lock();
    writeln!(out, "Intercom emulator, workspace {} ({})", workspace.id_code, workspace.region)?;
    writeln!(out, "  API        {base}")?;
    writeln!(out, "  authorize  {base}/oauth?client_id={}&state=…", emulator.state().client_id())?;
    writeln!(out, "  controls   {base}/_emulator")?;
    out.flush()
}

/// Ctrl-C, or SIGTERM where there is such a thing.
async fn until_told_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
