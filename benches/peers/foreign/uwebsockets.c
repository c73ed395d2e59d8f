/* An echo server on uWebSockets, through the C functions of the library that the Python package socketify brings. It
   prints its port and ends with its standard input. What it sends while it handles one read leaves in one write. */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* As the library declares them; it brings no header. */
typedef struct uws_app uws_app_t;
typedef struct uws_websocket uws_websocket_t;
struct us_listen_socket_t;
struct us_socket_context_options_t {
    const char *key_file_name, *cert_file_name, *passphrase, *dh_params_file_name, *ca_file_name, *ssl_ciphers;
    int ssl_prefer_low_memory_usage;
};
typedef struct { int port; const char *host; int options; } listen_config_t;
typedef struct {
    int compression;
    unsigned int max_payload_length;
    unsigned short idle_timeout;
    unsigned int max_backpressure;
    bool close_on_backpressure_limit, reset_idle_timeout_on_send, send_pings_automatically;
    unsigned short max_lifetime;
    void *upgrade, *open;
    void (*message)(uws_websocket_t *, const char *, size_t, int, void *);
    void *drain, *ping, *pong, *close, *subscription;
} behavior_t;
uws_app_t *uws_create_app(int ssl, struct us_socket_context_options_t options);
void uws_app_listen_with_config(int ssl, uws_app_t *, listen_config_t,
                                void (*listening)(struct us_listen_socket_t *, listen_config_t, void *), void *);
void uws_app_run(int ssl, uws_app_t *);
void uws_ws(int ssl, uws_app_t *, const char *pattern, behavior_t, void *);
int uws_ws_send(int ssl, uws_websocket_t *, const char *, size_t, int opcode);
int us_socket_local_port(int ssl, struct us_listen_socket_t *);

static void echo(uws_websocket_t *ws, const char *message, size_t len, int opcode, void *unused) {
    (void)unused;
    uws_ws_send(0, ws, message, len, opcode);
}

static void listening(struct us_listen_socket_t *socket, listen_config_t config, void *unused) {
    (void)config, (void)unused;
    if (!socket) exit(1);
    printf("%d\n", us_socket_local_port(0, socket));
    fflush(stdout);
}

static void *end_with_input(void *unused) {
    char byte;
    while (read(0, &byte, 1) > 0) {}
    exit(0);
    return unused;
}

int main(void) {
    pthread_t thread;
    pthread_create(&thread, NULL, end_with_input, NULL);
    uws_app_t *app = uws_create_app(0, (struct us_socket_context_options_t){0});
    behavior_t behavior = {
        .max_payload_length = 64 << 20, .max_backpressure = 64 << 20, .idle_timeout = 0, .message = echo};
    uws_ws(0, app, "/*", behavior, NULL);
    uws_app_listen_with_config(0, app, (listen_config_t){.host = "127.0.0.1"}, listening, NULL);
    uws_app_run(0, app);
}
