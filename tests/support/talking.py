"""A page that talks with its server in each way that a proxy may break."""

import asyncio
import threading

from experimaestro.scheduler.services import WebService


class Talks(WebService):
    """Speaks over a WebSocket and in server-sent events, takes a form, passes on to another address."""

    id = "talks"

    def _serve(self, running: threading.Event) -> None:
        asyncio.run(self._run(running))

    async def _run(self, running: threading.Event) -> None:
        import tornado.httpserver
        import tornado.netutil
        import tornado.web
        import tornado.websocket

        heard = asyncio.Event()

        class Echo(tornado.websocket.WebSocketHandler):
            async def on_message(self, message: str | bytes) -> None:
                await self.write_message(message)

        class Events(tornado.web.RequestHandler):
            async def get(self) -> None:
                self.set_header("Content-Type", "text/event-stream")
                for number in range(3):
                    heard.clear()
                    self.write(f"data: {number}\n\n")
                    await self.flush()
                    await heard.wait()  # for ever, if a proxy keeps events until the end

        class Heard(tornado.web.RequestHandler):
            def post(self) -> None:
                heard.set()

        class Says(tornado.web.RequestHandler):
            def get(self) -> None:
                self.write(f"<title>talks</title>{self.request.path}")

            def post(self) -> None:
                self.write(f"got {self.request.body.decode()}")

        app = tornado.web.Application(
            [
                ("/echo", Echo),
                ("/events", Events),
                ("/heard", Heard),
                ("/old", tornado.web.RedirectHandler, {"url": "/sub"}),
                ("/.*", Says),
            ]
        )
        (listening,) = tornado.netutil.bind_sockets(0, "127.0.0.1")
        web = tornado.httpserver.HTTPServer(app)
        web.add_socket(listening)
        self.url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        running.set()
        while not self.should_stop():  # noqa: ASYNC110 - another thread asks it to stop
            await asyncio.sleep(0.02)
        web.stop()
        await web.close_all_connections()
