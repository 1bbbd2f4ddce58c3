from src.api.x import handler
