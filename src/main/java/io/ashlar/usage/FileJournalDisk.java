package io.ashlar.usage;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Segments as files {@code journal-<number>.log} of one folder. Not on channels: an interrupt closes a channel that is in
 * use, and those who write here may be interrupted, such as by a client that goes away.
 */
final class FileJournalDisk implements JournalDisk {
    private static final String PREFIX = "journal-";
    private static final String SUFFIX = ".log";

    /** Written by one thread at a time and read by one, each with a position of its own. */
    private static final class Segment {
        final RandomAccessFile writer;
        final RandomAccessFile reader;

        Segment(Path file) throws IOException {
            writer = new RandomAccessFile(file.toFile(), "rw");
            reader = new RandomAccessFile(file.toFile(), "r");
        }

        void close() throws IOException {
            writer.close();
            reader.close();
        }
    }

    private final Path folder;
    private final Map<Long, Segment> open = new HashMap<>();

    FileJournalDisk(Path folder) throws IOException {
        this.folder = folder;
        Files.createDirectories(folder);
    }

    @Override
    public List<Long> segments() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.map(f -> f.getFileName().toString())
                    .filter(n -> n.startsWith(PREFIX) && n.endsWith(SUFFIX))
                    .map(n -> Long.valueOf(n.substring(PREFIX.length(), n.length() - SUFFIX.length())))
                    .sorted()
                    .toList();
        }
    }

    private Path path(long segment) {
        return folder.resolve(String.format("%s%012d%s", PREFIX, segment, SUFFIX));
    }

    private synchronized Segment segment(long number) throws IOException {
        Segment segment = open.get(number);
        if (segment == null) {
            segment = new Segment(path(number));
            open.put(number, segment);
        }
        return segment;
    }

    @Override
    public void write(long segment, long position, ByteBuffer bytes) throws IOException {
        RandomAccessFile writer = segment(segment).writer;
        writer.seek(position);
        writer.write(bytes.array(), bytes.arrayOffset() + bytes.position(), bytes.remaining());
    }

    @Override
    public void force(long segment) throws IOException {
        segment(segment).writer.getFD().sync();
    }

    @Override
    public ByteBuffer read(long segment, long position, int most) throws IOException {
        RandomAccessFile reader = segment(segment).reader;
        byte[] bytes = new byte[(int) Math.clamp(reader.length() - position, 0, most)];
        reader.seek(position);
        reader.readFully(bytes);
        return ByteBuffer.wrap(bytes);
    }

    @Override
    public synchronized void delete(long segment) throws IOException {
        Segment opened = open.remove(segment);
        if (opened != null) {
            opened.close();
        }
        Files.deleteIfExists(path(segment));
    }

    @Override
    public synchronized void close() throws IOException {
        for (Segment segment : open.values()) {
            segment.close();
        }
        open.clear();
    }
}
