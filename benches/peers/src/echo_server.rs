//! One of the echo servers: `echo-server NAME`.

fn main() {
    hybi_peers::servers::main(|| 0)
}
