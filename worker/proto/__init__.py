"""WhatsApp's protobuf messages, trimmed to what is used, and what protoc makes of them."""
