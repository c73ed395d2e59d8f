//! The agents of the Autobahn test suite, one for each role and adapter: see `autobahn/run`.
//!
//! ```text
//! autobahn server-tokio|server-blocking 127.0.0.1:PORT
//! autobahn client-tokio|client-blocking ws://127.0.0.1:PORT AGENT [CASE,CASE,...]
//! ```
//!
//! Over TLS, `wss:`, where `HYBI_CERTIFICATE` names a PEM file with the server's certificate, and in a server `HYBI_KEY` one
//! with its key.

use std::error::Error;
use std::net::TcpListener;

use hybi::blocking::Transport;
use hybi::handshake::{DeflateOffer, Request, WindowHint};
use hybi::tls::{ClientTls, Identity, Roots, ServerTls};
use hybi::{Compression, Config, Connect, Message};
use tokio::io::{AsyncRead, AsyncWrite};

type Failure = hybi::blocking::Error;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["server-tokio", addr] => tokio_runtime()?.block_on(serve_tokio(addr)),
        ["server-blocking", addr] => serve_blocking(addr),
        ["client-tokio", url, agent, ref cases @ ..] => {
            tokio_runtime()?.block_on(drive_tokio(url, agent, cases.first().copied()))
        }
        ["client-blocking", url, agent, ref cases @ ..] => {
            drive_blocking(url, agent, cases.first().copied())
        }
        _ => Err("usage: autobahn server-tokio ADDR | client-tokio URL AGENT [CASES] | ...".into()),
    }
}

fn tokio_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

async fn serve_tokio(addr: &str) -> Result<()> {
    let tls = server_tls()?;
    let listener = tokio::net::TcpListener::bind(addr).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let tls = tls.clone();
        tokio::spawn(async move {
            match tls {
                None => echo_tokio(stream).await,
                Some(tls) => echo_tokio(hybi::tokio::TlsStream::accept(stream, &tls).await?).await,
            }
        });
    }
}

async fn echo_tokio<S>(stream: S) -> Result<(), Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut ws = hybi::tokio::accept_with(stream, Default::default(), config()).await?;
    while let Some(message) = ws.recv().await? {
        ws.feed(message).await?;
    }
    Ok(())
}

fn way(request: Request, config: Config, tls: &Option<ClientTls>) -> Connect {
    let connect = Connect::from(request).config(config);
    match tls {
        Some(tls) => connect.tls(tls.clone()),
        None => connect,
    }
}

async fn drive_tokio(url: &str, agent: &str, cases: Option<&str>) -> Result<()> {
    let tls = client_tls()?;
    let connect =
        async |request, config| Ok(hybi::tokio::connect(way(request, config, &tls)).await?);
    run_tokio(connect, url, agent, cases).await
}

async fn run_tokio<S>(
    connect: impl AsyncFn(Request, Config) -> Result<hybi::tokio::WebSocket<S>>,
    url: &str,
    agent: &str,
    cases: Option<&str>,
) -> Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let plain = Request::new(&format!("{url}/getCaseCount"))?;
    let mut ws = connect(plain, Config::default()).await?;
    let count = ws.recv().await?;
    ws.close(None, "").await?;
    for case in selected(cases, count)? {
        let request = request(&format!("{url}/runCase?case={case}&agent={agent}"))?;
        let mut ws = connect(request, config()).await?;
        // The suite breaks the protocol on purpose: an error ends the case, not the run.
        while let Ok(Some(message)) = ws.recv().await {
            let _ = ws.feed(message).await;
        }
    }
    let plain = Request::new(&format!("{url}/updateReports?agent={agent}"))?;
    connect(plain, Config::default()).await?.recv().await?;
    Ok(())
}

fn serve_blocking(addr: &str) -> Result<()> {
    let tls = server_tls()?;
    let listener = TcpListener::bind(addr)?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        let (stream, tls) = (stream?, tls.clone());
        std::thread::spawn(move || match tls {
            None => echo_blocking(stream),
            Some(tls) => echo_blocking(hybi::blocking::TlsStream::accept(stream, &tls)?),
        });
    }
    Ok(())
}

fn echo_blocking<S: Transport>(stream: S) -> Result<(), Failure> {
    let mut ws = hybi::blocking::accept_with(stream, Default::default(), config())?;
    while let Some(message) = ws.recv()? {
        ws.feed(message)?;
    }
    Ok(())
}

fn drive_blocking(url: &str, agent: &str, cases: Option<&str>) -> Result<()> {
    let tls = client_tls()?;
    let connect = |request, config| Ok(hybi::blocking::connect(way(request, config, &tls))?);
    run_blocking(connect, url, agent, cases)
}

fn run_blocking<S: Transport>(
    connect: impl Fn(Request, Config) -> Result<hybi::blocking::WebSocket<S>>,
    url: &str,
    agent: &str,
    cases: Option<&str>,
) -> Result<()> {
    let plain = Request::new(&format!("{url}/getCaseCount"))?;
    let mut ws = connect(plain, Config::default())?;
    let count = ws.recv()?;
    ws.close(None, "")?;
    for case in selected(cases, count)? {
        let request = request(&format!("{url}/runCase?case={case}&agent={agent}"))?;
        let mut ws = connect(request, config())?;
        while let Ok(Some(message)) = ws.recv() {
            let _ = ws.feed(message);
        }
    }
    let plain = Request::new(&format!("{url}/updateReports?agent={agent}"))?;
    connect(plain, Config::default())?.recv()?;
    Ok(())
}

fn server_tls() -> Result<Option<ServerTls>> {
    let (Some(chain), Some(key)) =
        (std::env::var_os("HYBI_CERTIFICATE"), std::env::var_os("HYBI_KEY"))
    else {
        return Ok(None);
    };
    let identity = Identity::from_pem(&std::fs::read(chain)?, &std::fs::read(key)?)?;
    Ok(Some(ServerTls::new(identity)?))
}

fn client_tls() -> Result<Option<ClientTls>> {
    let Some(root) = std::env::var_os("HYBI_CERTIFICATE") else { return Ok(None) };
    let roots = Roots::from_pem(&std::fs::read(root)?)?;
    Ok(Some(ClientTls::builder().roots(roots).build()?))
}

/// Compression with everything that the suite tries: context takeover both ways, messages of every length.
fn config() -> Config {
    let mut compression = Compression::default();
    compression.min_size = 0;
    compression.send.context_takeover = true;
    compression.receive.context_takeover = true;
    let mut config = Config::default();
    config.compression = Some(compression);
    config
}

/// The suite plays servers that want our compressor limited in one way or another: we offer all of it.
fn request(url: &str) -> Result<Request> {
    Ok(Request::new(url)?.offer(DeflateOffer {
        client_no_context_takeover: true,
        client_max_window_bits: Some(WindowHint::Any),
        ..DeflateOffer::default()
    }))
}

/// The numbers of the cases to run: those named, or all that the suite has selected.
fn selected(named: Option<&str>, count: Option<Message>) -> Result<Vec<usize>> {
    if let Some(named) = named {
        return named.split(',').map(|case| Ok(case.parse()?)).collect();
    }
    let count = count.as_ref().and_then(Message::as_text).ok_or("the suite told no count")?;
    Ok((1..=count.parse()?).collect())
}
