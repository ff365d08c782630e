"""A page as Streamlit sends it to a browser, without one."""

from __future__ import annotations

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol


def drawn(url: str, until: bytes = b"") -> list[ForwardMsg]:
    """What a page sends to a visitor until it stands, or until some text came.

    Args:
        url: Where the page is, without a slash at the end.
        until: Words that the page has; all of it by default.
    """
    ask = BackMsg()
    ask.rerun_script.query_string = ""
    found: list[ForwardMsg] = []
    with connect(
        f"{url.replace('http', 'ws', 1)}/_stcore/stream",
        subprotocols=[Subprotocol("streamlit")],
        origin=Origin(url.rpartition("/")[0]),
        max_size=None,
    ) as socket:
        socket.send(ask.SerializeToString())
        while True:
            frame = socket.recv(timeout=60)
            assert isinstance(frame, bytes)
            found.append(ForwardMsg.FromString(frame))
            if found[-1].HasField("script_finished") or (until and until in frame):
                return found
