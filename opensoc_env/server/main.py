"""The app by name: `uvicorn opensoc_env.server.main:app`.

`OPENSOC_API_KEY` in the environment is the key that callers must bring.
"""

import os

from opensoc_env.server.app import Access, build_app

app = build_app(access=Access(api_key=os.environ.get("OPENSOC_API_KEY") or None))
