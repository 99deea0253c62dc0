# hostel-volume: work on volumes' files, in a process that has nothing else.
#   VOLUME_FRAME_SRCS  the stream's frames, for the api as well
VOLUME_FRAME_SRCS := node-agent/volume/frame.c
VOLUME_JOB_SRCS := $(addprefix node-agent/volume/, tree.c unpack.c pack.c) \
    $(VOLUME_FRAME_SRCS)
ARCHIVE_LIBS := -larchive
$(call host-program,hostel-volume,node-agent/volume/main.c \
    node-agent/volume/confine.c $(VOLUME_JOB_SRCS) $(LIB_SRCS),$(ARCHIVE_LIBS))
# The role that starts it.
VOLUMED_SRCS := $(addprefix node-agent/volumed/, volumed.c place.c job.c)
FUZZERS += tests/fuzz/volume.c
FUZZ_SRCS_volume := $(filter-out %/unpack.c,$(VOLUME_JOB_SRCS)) $(LIB_SRCS)
FUZZ_LIBS_volume := $(ARCHIVE_LIBS)
