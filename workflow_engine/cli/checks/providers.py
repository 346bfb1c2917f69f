"""Model providers whose keys are in the environment: their names, and never what is in a key."""

from collections.abc import Mapping
from typing import Final

from workflow_engine.cli.checks.finding import Finding, ok

_KEYS: Final = {
    "OPENAI_API_KEY": "OpenAI",
    "ANTHROPIC_API_KEY": "Anthropic",
    "GEMINI_API_KEY": "Google Gemini",
    "AZURE_API_KEY": "Azure OpenAI",
    "MISTRAL_API_KEY": "Mistral",
    "GROQ_API_KEY": "Groq",
    "DEEPSEEK_API_KEY": "DeepSeek",
    "COHERE_API_KEY": "Cohere",
    "OPENROUTER_API_KEY": "OpenRouter",
    "AWS_BEARER_TOKEN_BEDROCK": "Amazon Bedrock",
}


def check_providers(environment: Mapping[str, str], simulation: str) -> Finding:
    found = [provider for key, provider in _KEYS.items() if environment.get(key)]
    if found:
        return ok("providers", f"keys for {', '.join(found)}")
    without = {
        "never": "agent steps fail (WORKFLOW_ENGINE_SIMULATION=never)",
        "fallback": "agent steps are simulated and marked so",
    }
    return ok("providers", f"no keys; {without.get(simulation, 'everything is simulated')}")
