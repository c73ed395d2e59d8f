//! A client on tokio: sends a line, prints the answer.
//! `cargo run --features tokio --example client_tokio [URL] [TEXT]`

#[tokio::main]
async fn main() -> Result<(), hybi::tokio::Error> {
    let mut args = std::env::args().skip(1);
    let url = args.next().unwrap_or_else(|| "ws://127.0.0.1:9001/".into());
    let text = args.next().unwrap_or_else(|| "Hello".into());

    let mut ws = hybi::tokio::connect(&*url).await?;
    ws.send(text).await?;
    if let Some(answer) = ws.recv().await? {
        println!("{}", answer.as_text().unwrap_or("(binary)"));
    }
    ws.close(hybi::CloseCode::NORMAL, "done").await
}
