package io.ashlar.usage;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Segments as files {@code journal-<number>.log} of one folder. */
final class FileJournalDisk implements JournalDisk {
    private static final String PREFIX = "journal-";
    private static final String SUFFIX = ".log";

    private final Path folder;
    private final Map<Long, FileChannel> open = new HashMap<>();

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

    private synchronized FileChannel channel(long segment) throws IOException {
        FileChannel channel = open.get(segment);
        if (channel == null) {
            Path file = folder.resolve(String.format("%s%012d%s", PREFIX, segment, SUFFIX));
            channel = FileChannel.open(
                    file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            open.put(segment, channel);
        }
        return channel;
    }

    @Override
    public void write(long segment, long position, ByteBuffer bytes) throws IOException {
        FileChannel channel = channel(segment);
        long at = position;
        while (bytes.hasRemaining()) {
            at += channel.write(bytes, at);
        }
    }

    @Override
    public void force(long segment) throws IOException {
        channel(segment).force(false);
    }

    @Override
    public ByteBuffer read(long segment, long position, int most) throws IOException {
        FileChannel channel = channel(segment);
        ByteBuffer bytes = ByteBuffer.allocate((int) Math.clamp(channel.size() - position, 0, most));
        long at = position;
        while (bytes.hasRemaining()) {
            int n = channel.read(bytes, at);
            if (n < 0) {
                break;
            }
            at += n;
        }
        return bytes.flip();
    }

    @Override
    public synchronized void delete(long segment) throws IOException {
        FileChannel channel = open.remove(segment);
        if (channel != null) {
            channel.close();
        }
        Files.deleteIfExists(folder.resolve(String.format("%s%012d%s", PREFIX, segment, SUFFIX)));
    }

    @Override
    public synchronized void close() throws IOException {
        for (FileChannel channel : open.values()) {
            channel.close();
        }
        open.clear();
    }
}
