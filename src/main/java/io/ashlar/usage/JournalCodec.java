package io.ashlar.usage;

import io.ashlar.usage.JournalEntry.Begun;
import io.ashlar.usage.JournalEntry.Progress;
import io.ashlar.usage.JournalEntry.Settled;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Collection;
import java.util.UUID;
import java.util.function.Consumer;
import java.util.zip.CRC32C;

/** An entry as bytes: length, CRC-32C of the content, content. A torn or damaged entry is known as such. */
final class JournalCodec {
    static final int HEAD = 8;
    static final int MAX_CONTENT = 1 << 16;
    private static final byte BEGUN = 1;
    private static final byte PROGRESS = 2;
    private static final byte SETTLED = 3;
    private static final long NONE = -1;

    private JournalCodec() {}

    static ByteBuffer encode(Collection<? extends JournalEntry> entries) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        try (DataOutputStream out = new DataOutputStream(all)) {
            for (JournalEntry entry : entries) {
                byte[] content = content(entry);
                out.writeInt(content.length);
                out.writeInt(crc(content));
                out.write(content);
            }
        } catch (IOException e) {
            throw new UncheckedIOException("memory cannot be written", e);
        }
        return ByteBuffer.wrap(all.toByteArray());
    }

    /** Hands out the whole entries of a buffer and returns how many bytes they took. */
    static int decode(ByteBuffer bytes, Consumer<JournalEntry> to) {
        int start = bytes.position();
        int end = start;
        while (bytes.remaining() >= HEAD) {
            int length = bytes.getInt();
            int crc = bytes.getInt();
            if (length <= 0 || length > MAX_CONTENT || bytes.remaining() < length) {
                break;
            }
            byte[] content = new byte[length];
            bytes.get(content);
            if (crc(content) != crc) {
                break;
            }
            to.accept(entry(ByteBuffer.wrap(content)));
            end = bytes.position();
        }
        return end - start;
    }

    private static int crc(byte[] content) {
        CRC32C crc = new CRC32C();
        crc.update(content);
        return (int) crc.getValue();
    }

    private static byte[] content(JournalEntry entry) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(160);
        DataOutputStream out = new DataOutputStream(bytes);
        switch (entry) {
            case Begun(UsageStart start) -> {
                out.writeByte(BEGUN);
                write(out, start);
            }
            case Progress(UUID request, int tokens) -> {
                out.writeByte(PROGRESS);
                write(out, request);
                out.writeInt(tokens);
            }
            case Settled(UsageRecord row) -> {
                out.writeByte(SETTLED);
                write(out, row.start());
                out.writeInt(row.cachedTokens());
                out.writeInt(row.completionTokens());
                out.writeLong(row.queueMicros());
                Long ttft = row.ttftMicros();
                out.writeLong(ttft == null ? NONE : ttft);
                out.writeLong(row.totalMicros());
                write(out, row.finishReason());
                write(out, row.status().name());
            }
        }
        return bytes.toByteArray();
    }

    private static void write(DataOutputStream out, UsageStart start) throws IOException {
        write(out, start.request());
        write(out, start.tenant());
        write(out, start.project());
        write(out, start.key());
        write(out, start.model());
        out.writeInt(start.promptTokens());
        out.writeLong(start.arrivedAt().getEpochSecond());
        out.writeInt(start.arrivedAt().getNano());
    }

    private static void write(DataOutputStream out, UUID id) throws IOException {
        out.writeLong(id.getMostSignificantBits());
        out.writeLong(id.getLeastSignificantBits());
    }

    private static void write(DataOutputStream out, String text) throws IOException {
        byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
        out.writeShort(utf8.length);
        out.write(utf8);
    }

    private static JournalEntry entry(ByteBuffer in) {
        byte type = in.get();
        return switch (type) {
            case BEGUN -> new Begun(start(in));
            case PROGRESS -> new Progress(uuid(in), in.getInt());
            case SETTLED -> settled(in);
            default ->
                throw new IllegalStateException("the usage journal has an entry of unknown type " + type
                        + "; it was written by a newer Ashlar");
        };
    }

    private static Settled settled(ByteBuffer in) {
        UsageStart start = start(in);
        int cached = in.getInt();
        int completion = in.getInt();
        long queue = in.getLong();
        long ttft = in.getLong();
        long total = in.getLong();
        String reason = text(in);
        UsageRecord.Status status = UsageRecord.Status.valueOf(text(in));
        return new Settled(new UsageRecord(
                start, cached, completion, queue, ttft == NONE ? null : (Long) ttft, total, reason, status));
    }

    private static UsageStart start(ByteBuffer in) {
        return new UsageStart(
                uuid(in),
                uuid(in),
                uuid(in),
                uuid(in),
                text(in),
                in.getInt(),
                Instant.ofEpochSecond(in.getLong(), in.getInt()));
    }

    private static UUID uuid(ByteBuffer in) {
        return new UUID(in.getLong(), in.getLong());
    }

    private static String text(ByteBuffer in) {
        byte[] utf8 = new byte[in.getShort()];
        in.get(utf8);
        return new String(utf8, StandardCharsets.UTF_8);
    }
}
