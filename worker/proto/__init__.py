"""The protobuf messages WhatsApp speaks, trimmed to what we read and write.

Field numbers are facts of the protocol; names are ours. Unknown fields survive a round
trip. `make proto` regenerates the modules beside the `.proto` files.
"""
