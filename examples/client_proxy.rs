//! A client through a proxy, or through the one that the environment names: sends a line, prints the answer.
//! `cargo run --features tokio --example client_proxy [URL] [PROXY] [TEXT]`, for example with
//! `ws://127.0.0.1:9001/ http://127.0.0.1:8888` or `... socks5h://user:password@127.0.0.1:1080`.

use std::process::ExitCode;

use hybi::{CloseCode, Connect};

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = talk().await else { return ExitCode::SUCCESS };
    eprintln!("{error}");
    ExitCode::FAILURE
}

async fn talk() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let url = args.next().unwrap_or_else(|| "ws://127.0.0.1:9001/".into());
    let connect = match args.next() {
        Some(proxy) => Connect::new(&url)?.proxy(proxy.parse()?),
        None => Connect::new(&url)?.proxies_from_environment()?,
    };
    let text = args.next().unwrap_or_else(|| "Hello".into());

    let mut ws = hybi::tokio::connect(connect).await?;
    ws.send(text).await?;
    if let Some(answer) = ws.recv().await? {
        println!("{}", answer.as_text().unwrap_or("(binary)"));
    }
    Ok(ws.close(CloseCode::NORMAL, "done").await?)
}
