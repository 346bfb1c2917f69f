"""litellm, loaded once and made quiet. The only place that imports it; everything else gets it by parameter.

It asks the network for prices unless told otherwise before the import, which takes seconds and 190 MB: that is why
this is a process of its own.
"""

import os
from typing import Any, Final, TypeAlias

from workflow_engine.agents.worker.transport import watched
from workflow_engine.logs import silence

Library: TypeAlias = Any
"""The module `litellm`: it ships no types that could be checked."""

_QUIET: Final = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy", "httpx", "httpx2", "openai._base_client", "botocore")
"""Failures are told by the steps they belong to; their own lines would show addresses, some with a key in them."""


def load(max_answer_bytes: int) -> Library:
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    # OpenAI by the client of the other providers: its own SDK takes 4 of 6 ms to look through the messages of a call.
    os.environ["EXPERIMENTAL_OPENAI_BASE_LLM_HTTP_HANDLER"] = "True"
    os.environ.pop("LITELLM_LOG", None)  # its debug log shows requests with their headers
    import litellm
    from litellm._internal_context import is_internal_call
    from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler

    litellm.telemetry = False
    litellm.suppress_debug_info = True
    litellm.set_verbose = False
    litellm.disable_hf_tokenizer_download = True
    litellm.disable_streaming_logging = True
    litellm.drop_params = False
    litellm.num_retries = 0
    for callbacks in (litellm.callbacks, litellm.success_callback, litellm.failure_callback, litellm.input_callback):
        callbacks.clear()
    # Nobody listens to its logging, which takes nearly half of a call's time. Every task of this process inherits it.
    is_internal_call.set(True)
    # Every asynchronous client of every provider is made over a transport of this factory.
    AsyncHTTPHandler.create_async_transport = staticmethod(
        watched(AsyncHTTPHandler.create_async_transport, max_answer_bytes)
    )
    litellm.in_memory_llm_clients_cache.flush_cache()  # the import itself makes some, over transports of its own
    silence(_QUIET)
    return litellm


async def warm_up(library: Library) -> None:
    """The first calls import for seconds more: better before the first step than in it."""
    models = [{"model_name": "0", "litellm_params": {"model": "openai/gpt-4o-mini", "api_key": "-"}}]
    router = library.Router(model_list=models, num_retries=0)
    router.discard()
    messages = [{"role": "user", "content": "-"}]
    await router.acompletion(model="0", messages=messages, mock_response="-")
    async for _ in await router.acompletion(model="0", messages=messages, mock_response="-", stream=True):
        pass
    library.token_counter(model="gpt-4o", text="-")
