# billing: ledger, rating, receipts, invoices, audit; see DESIGN.md.
#   RECEIPT_SRCS  rating and offline verification; no database
#   LEDGER_SRCS   the whole library, RECEIPT_SRCS included
# Link $(LEDGER_LIBS) or $(RECEIPT_LIBS); both need lib's sets besides.
$(call protobuf,billing/proto/receipt.proto)

RECEIPT_SRCS := billing/usage.c billing/ratecard.c billing/ratecard_file.c \
    billing/rate.c billing/merkle.c billing/receipts_key.c billing/entry.c \
    billing/batch.c gen/receipt.pb-c.c
RECEIPT_LIBS := -lsodium -lprotobuf-c -ljansson
