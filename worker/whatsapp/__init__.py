"""What WhatsApp's protocol means: connecting, pairing, sending, receiving, receipts, retries."""
