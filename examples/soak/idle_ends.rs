//! The processes of the measurement of idle connections: servers that wait, clients that do as they are told.

use std::io::{BufRead, Write};
use std::process::ExitCode;
use std::sync::Arc;

use hybi::handshake::ServerOptions;
use hybi::tokio::WebSocket;
use hybi::{Compression, Config, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};

use crate::Result;

/// How many clients connect or echo at once.
const AT_ONCE: usize = 64;

/// `idle-server KIND HOST`: prints what it is and where it listens, then serves until standard input ends.
pub(crate) fn serve(args: &[String]) -> Result<ExitCode> {
    let [kind, host] = args else { return Err("usage: idle-server KIND HOST".into()) };
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((host.as_str(), 0)).await?;
        let addr = listener.local_addr()?;
        if kind == "bare" {
            println!("a TcpStream has {} bytes\n{addr}", size_of::<TcpStream>());
            loop {
                tokio::spawn(wait(listener.accept().await?.0));
            }
        }
        println!("a WebSocket<TcpStream> has {} bytes\n{addr}", size_of::<WebSocket<TcpStream>>());
        let config = config(kind);
        loop {
            tokio::spawn(echo(listener.accept().await?.0, config.clone()));
        }
    })
}

/// Says that it is there, then reads and drops, without memory of its own while it waits.
async fn wait(mut stream: TcpStream) {
    if stream.write_all(b"!").await.is_err() {
        return;
    }
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut [0; 4096]) {
            Ok(0) => return,
            Err(error) if error.kind() != std::io::ErrorKind::WouldBlock => return,
            _ => {}
        }
    }
}

async fn echo(stream: TcpStream, config: Arc<Config>) -> Result<(), hybi::tokio::Error> {
    let mut ws = hybi::tokio::accept_with(stream, ServerOptions::default(), config).await?;
    while let Some(message) = ws.recv().await? {
        ws.feed(message).await?;
    }
    Ok(())
}

fn config(kind: &str) -> Arc<Config> {
    let mut config = Config::default();
    config.compression = (kind == "deflate").then(Compression::default);
    Arc::new(config)
}

/// `idle-client KIND ADDR CONNECTIONS`: does what standard input says, a line each, and answers `done`:
/// `connect`; `echo text|binary BYTES`, on each connection.
pub(crate) fn connect(args: &[String]) -> Result<ExitCode> {
    let [kind, addr, count] = args else { return Err("usage: idle-client KIND ADDR N".into()) };
    let count = count.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (order, orders) = watch::channel(None);
    let (answer, mut answers) = mpsc::channel(AT_ONCE);
    let clients = Clients {
        config: config(kind),
        addr: addr.clone(),
        limit: Arc::new(Semaphore::new(AT_ONCE)),
        orders,
        answer,
    };
    // Lines come from a thread: the connections have to be minded meanwhile.
    let (line, mut lines) = mpsc::channel(1);
    std::thread::spawn(move || {
        for text in std::io::stdin().lock().lines().map_while(Result::ok) {
            let _ = line.blocking_send(text);
        }
    });
    runtime.block_on(async move {
        while let Some(text) = lines.recv().await {
            match text.split(' ').collect::<Vec<_>>()[..] {
                ["connect"] => {
                    for _ in 0..count {
                        tokio::spawn(clients.clone().run(kind == "bare"));
                    }
                }
                ["echo", kind, len] => {
                    order.send_replace(Some(message(kind, len.parse()?)));
                }
                _ => return Err(format!("what is {text:?}?").into()),
            }
            for _ in 0..count {
                answers.recv().await.ok_or("the clients have gone")??;
            }
            println!("done");
            std::io::stdout().flush()?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

fn message(kind: &str, len: usize) -> Message {
    match kind {
        "text" => Message::text("{\"symbol\":\"HYBI\",\"price\":4711}, ".repeat(len / 32)),
        _ => Message::binary((0..len).map(|at| (at % 251) as u8).collect::<Vec<_>>()),
    }
}

/// What the clients of a process share.
#[derive(Clone, Debug)]
struct Clients {
    config: Arc<Config>,
    addr: String,
    limit: Arc<Semaphore>,
    /// The message to be echoed.
    orders: watch::Receiver<Option<Message>>,
    answer: mpsc::Sender<Result<()>>,
}

impl Clients {
    /// Connects and holds the connection, nothing more.
    async fn hold(&self) -> Result<()> {
        let permit = self.limit.acquire().await?;
        let mut stream = TcpStream::connect(self.addr.as_str()).await?;
        // Until it is accepted: a full queue of the listener would cost a second.
        stream.read_u8().await?;
        drop(permit);
        self.answer.send(Ok(())).await?;
        std::future::pending().await
    }

    /// Connects, then does what is ordered; answers each step with how it went.
    async fn run(mut self, bare: bool) {
        let ended = if bare { self.hold().await } else { self.converse().await };
        if let Err(error) = ended {
            let _ = self.answer.send(Err(error)).await;
        }
    }

    async fn converse(&mut self) -> Result<()> {
        let permit = self.limit.clone().acquire_owned().await?;
        let url = format!("ws://{}/", self.addr);
        let mut ws = hybi::tokio::connect_with(&*url, self.config.clone()).await?;
        drop(permit);
        self.answer.send(Ok(())).await?;
        loop {
            tokio::select! {
                // Answers the server's pings.
                ended = ws.recv() => return Err(format!("unexpectedly: {ended:?}").into()),
                ordered = self.orders.changed() => ordered?,
            }
            let Some(message) = self.orders.borrow_and_update().clone() else { continue };
            // Whoever has to wait for its turn goes on answering pings.
            let permit = tokio::select! {
                ended = ws.recv() => return Err(format!("unexpectedly: {ended:?}").into()),
                permit = self.limit.clone().acquire_owned() => permit?,
            };
            ws.feed(message.clone()).await?;
            if ws.recv().await?.as_ref() != Some(&message) {
                return Err("the echo differs".into());
            }
            drop(permit);
            self.answer.send(Ok(())).await?;
        }
    }
}
