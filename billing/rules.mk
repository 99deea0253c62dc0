# billing: ledger, rating, receipts, invoices, audit; see DESIGN.md.
#   RECEIPT_SRCS  rating and offline verification, no database;
#                 needs LIB_SRCS
#   LEDGER_SRCS   the whole library, RECEIPT_SRCS included;
#                 needs LIB_SRCS and LIB_DB_SRCS
# Link $(RECEIPT_LIBS) or $(LEDGER_LIBS).
$(call protobuf,billing/proto/receipt.proto)

RECEIPT_SRCS := billing/usage.c billing/ratecard.c billing/ratecard_file.c \
    billing/rate.c billing/tariff.c billing/merkle.c billing/receipts_key.c \
    billing/entry.c billing/batch.c billing/receipt_verify.c \
    billing/receipt_print.c billing/witness.c gen/receipt.pb-c.c
RECEIPT_LIBS := -lsodium -lprotobuf-c -ljansson

LEDGER_SRCS := $(RECEIPT_SRCS) billing/ledger.c billing/ledger_log.c \
    billing/ledger_account.c billing/ledger_transfer.c \
    billing/ledger_submission.c billing/ledger_cache.c billing/ledger_batch.c billing/receipt.c \
    billing/chain.c billing/settled.c billing/statement.c billing/invoice.c billing/invoice_html.c \
    billing/invoice_terms.c billing/ledger_invoice.c billing/entry_json.c \
    billing/export.c billing/export_csv.c billing/audit.c billing/audit_books.c \
    billing/audit_tables.c billing/audit_late.c billing/audit_invoice.c
LEDGER_LIBS := $(RECEIPT_LIBS) $(LIB_DB_LIBS)

$(call host-program,hostel-ledger,billing/main.c $(LEDGER_SRCS) $(LIB_SRCS) \
    $(LIB_DB_SRCS),$(LEDGER_LIBS))

LEDGER_TEST_SRCS := $(LEDGER_SRCS) $(LIB_SRCS) $(LIB_DB_SRCS)
$(call unit-test,ledger_books,tests/unit/ledger_books.c \
    $(LEDGER_TEST_SRCS),$(LEDGER_LIBS))
$(call unit-test,merkle_rfc6962,tests/unit/merkle_rfc6962.c \
    $(LEDGER_TEST_SRCS),$(LEDGER_LIBS))
$(call unit-test,rate_rounding,tests/unit/rate_rounding.c \
    $(LEDGER_TEST_SRCS),$(LEDGER_LIBS))
$(call unit-test,receipt_verify,tests/unit/receipt_verify.c \
    $(LEDGER_TEST_SRCS),$(LEDGER_LIBS))
$(call unit-test,ledger_model,tests/unit/ledger_model.c \
    $(LEDGER_TEST_SRCS),$(LEDGER_LIBS))
$(call unit-test,ledger_kill,tests/unit/ledger_kill.c \
    $(LEDGER_TEST_SRCS),$(LEDGER_LIBS))
$(call unit-test,ledger_audit,tests/unit/ledger_audit.c \
    $(LEDGER_TEST_SRCS),$(LEDGER_LIBS))
$(call unit-test,rate_card,tests/unit/rate_card.c \
    $(LEDGER_TEST_SRCS),$(LEDGER_LIBS))
$(call unit-test,invoice_draft,tests/unit/invoice_draft.c \
    $(LEDGER_TEST_SRCS),$(LEDGER_LIBS))
$(call unit-test,receipt_lies,tests/unit/receipt_lies.c \
    $(LEDGER_TEST_SRCS),$(LEDGER_LIBS))
$(call unit-test,receipt_second,tests/unit/receipt_second.c \
    $(LEDGER_TEST_SRCS),$(LEDGER_LIBS))
$(call unit-test,ledger_powercut,tests/unit/ledger_powercut.c \
    tests/unit/powercut.c $(LEDGER_TEST_SRCS),$(LEDGER_LIBS))
$(call unit-test,rate_property,tests/unit/rate_property.c \
    $(LEDGER_TEST_SRCS),$(LEDGER_LIBS))
$(call unit-test,statement_lines,tests/unit/statement_lines.c \
    $(LEDGER_TEST_SRCS),$(LEDGER_LIBS))
$(call unit-test,witness_histories,tests/unit/witness_histories.c \
    $(LEDGER_TEST_SRCS),$(LEDGER_LIBS))

$(call unit-test,ledger_clock,tests/unit/ledger_clock.c \
    $(LEDGER_TEST_SRCS),$(LEDGER_LIBS))
$(call unit-test,ledger_invoice,tests/unit/ledger_invoice.c \
    $(LEDGER_TEST_SRCS),$(LEDGER_LIBS))
$(call unit-test,audit_bytes,tests/unit/audit_bytes.c \
    $(LEDGER_TEST_SRCS),$(LEDGER_LIBS))
E2E_TESTS += tests/e2e/billing tests/e2e/money

# What a harness links beside itself; it includes the file it is about.
FUZZERS += tests/fuzz/ratecard.c tests/fuzz/receipt.c
FUZZ_SRCS_ratecard := $(filter-out billing/ratecard.c billing/ratecard_file.c, \
    $(RECEIPT_SRCS)) $(LIB_SRCS)
FUZZ_SRCS_receipt := $(filter-out billing/receipt_verify.c,$(RECEIPT_SRCS)) \
    $(LIB_SRCS)
FUZZ_LIBS_ratecard := $(RECEIPT_LIBS)
FUZZ_LIBS_receipt := $(RECEIPT_LIBS)

BENCHES += $(BUILD)/bench/ledger
$(BUILD)/bench/ledger: $(patsubst %.c,$(BUILD)/obj/%.o,tests/bench/ledger.c \
    $(LEDGER_SRCS) $(LIB_SRCS) $(LIB_DB_SRCS))
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(HOST_LDFLAGS) -o $@ $^ $(LEDGER_LIBS)
DEPFILES += $(BUILD)/obj/tests/bench/ledger.d
# The same program under another name has the figures of receipts.
BENCHES += $(BUILD)/bench/receipt
$(BUILD)/bench/receipt: $(BUILD)/bench/ledger
	$(call say,LINK,$@)
	$(Q)cp $< $@
MANUALS += billing/hostel-ledger.8 billing/ratecard.5 billing/receipt.5 \
    billing/invoice.5
