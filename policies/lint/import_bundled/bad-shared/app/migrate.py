from app import schema
