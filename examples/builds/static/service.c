/* Answers every request with the commit that it was built from. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int main(void) {
  struct sockaddr_in here = {.sin_family = AF_INET, .sin_port = htons(8080)};
  int listening = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listening, (struct sockaddr *)&here, sizeof here) || listen(listening, 16)) {
    perror("port 8080");
    return 1;
  }
  for (;;) {
    int asked = accept(listening, NULL, NULL);
    char request[1024], answer[256];
    if (asked < 0 || read(asked, request, sizeof request) < 0) continue;
    snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(COMMIT), COMMIT);
    if (write(asked, answer, strlen(answer)) < 0) perror("answer");
    close(asked);
  }
}
