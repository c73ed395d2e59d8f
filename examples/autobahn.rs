//! The agents of the Autobahn test suite, one for each role and adapter: see `autobahn/run`.
//!
//! ```text
//! autobahn server-tokio|server-blocking 127.0.0.1:PORT
//! autobahn client-tokio|client-blocking ws://127.0.0.1:PORT AGENT [CASE,CASE,...]
//! ```

use std::error::Error;
use std::net::TcpListener;

use hybi::handshake::{DeflateOffer, Request, WindowHint};
use hybi::{Compression, Config, Message};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

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
    let listener = tokio::net::TcpListener::bind(addr).await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let mut ws = hybi::tokio::accept_with(stream, Default::default(), config()).await?;
            while let Some(message) = ws.recv().await? {
                ws.feed(message).await?;
            }
            std::result::Result::<(), hybi::tokio::Error>::Ok(())
        });
    }
}

async fn drive_tokio(url: &str, agent: &str, cases: Option<&str>) -> Result<()> {
    let mut ws = hybi::tokio::connect(&*format!("{url}/getCaseCount")).await?;
    let count = ws.recv().await?;
    ws.close(None, "").await?;
    for case in selected(cases, count)? {
        let request = request(&format!("{url}/runCase?case={case}&agent={agent}"))?;
        let mut ws = hybi::tokio::connect_with(request, config()).await?;
        // The suite breaks the protocol on purpose: an error ends the case, not the run.
        while let Ok(Some(message)) = ws.recv().await {
            let _ = ws.feed(message).await;
        }
    }
    let mut ws = hybi::tokio::connect(&*format!("{url}/updateReports?agent={agent}")).await?;
    ws.recv().await?;
    Ok(())
}

fn serve_blocking(addr: &str) -> Result<()> {
    let listener = TcpListener::bind(addr)?;
    println!("listening on {}", listener.local_addr()?);
    for stream in listener.incoming() {
        let stream = stream?;
        std::thread::spawn(move || {
            let mut ws = hybi::blocking::accept_with(stream, Default::default(), config())?;
            while let Some(message) = ws.recv()? {
                ws.feed(message)?;
            }
            std::result::Result::<(), hybi::blocking::Error>::Ok(())
        });
    }
    Ok(())
}

fn drive_blocking(url: &str, agent: &str, cases: Option<&str>) -> Result<()> {
    let mut ws = hybi::blocking::connect(&*format!("{url}/getCaseCount"))?;
    let count = ws.recv()?;
    ws.close(None, "")?;
    for case in selected(cases, count)? {
        let request = request(&format!("{url}/runCase?case={case}&agent={agent}"))?;
        let mut ws = hybi::blocking::connect_with(request, config())?;
        while let Ok(Some(message)) = ws.recv() {
            let _ = ws.feed(message);
        }
    }
    let mut ws = hybi::blocking::connect(&*format!("{url}/updateReports?agent={agent}"))?;
    ws.recv()?;
    Ok(())
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
