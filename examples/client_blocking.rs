//! A client without a runtime: sends a line, prints the answer.
//! `cargo run --example client_blocking [URL] [TEXT]`

fn main() -> Result<(), hybi::blocking::Error> {
    let mut args = std::env::args().skip(1);
    let url = args.next().unwrap_or_else(|| "ws://127.0.0.1:9001/".into());
    let text = args.next().unwrap_or_else(|| "Hello".into());

    let mut ws = hybi::blocking::connect(&*url)?;
    ws.send(text)?;
    if let Some(answer) = ws.recv()? {
        println!("{}", answer.as_text().unwrap_or("(binary)"));
    }
    ws.close(hybi::CloseCode::NORMAL, "done")
}
