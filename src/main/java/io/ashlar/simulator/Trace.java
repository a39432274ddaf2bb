package io.ashlar.simulator;

import io.ashlar.scheduler.ServiceClass;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;

/**
 * A trace as CSV with a header: {@code TIMESTAMP,ContextTokens,GeneratedTokens}, and after these, where there are more than one
 * of them, {@code Tenant,Class}. Times are dates ({@code 2023-11-16 18:15:46.6805900}) or seconds.
 *
 * @param rows in order of time
 */
public record Trace(List<Row> rows) {
    /**
     * A line.
     *
     * @param seconds from the first line
     */
    public record Row(double seconds, int prompt, int answer, String tenant, String serviceClass) {}

    private static final DateTimeFormatter DATE = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss[.SSSSSSS]");

    /**
     * @throws IOException if the file cannot be read
     * @throws IllegalArgumentException if it is no such trace; says the line
     */
    public static Trace read(Path file) throws IOException {
        List<Row> rows = new ArrayList<>();
        List<String> lines = Files.readAllLines(file);
        double first = Double.NaN;
        for (int i = 1; i < lines.size(); i++) {
            String[] cells = lines.get(i).split(",", -1);
            if (lines.get(i).isBlank()) {
                continue;
            }
            try {
                double at = seconds(cells[0].strip());
                first = Double.isNaN(first) ? at : first;
                rows.add(new Row(
                        at - first,
                        Integer.parseInt(cells[1].strip()),
                        Integer.parseInt(cells[2].strip()),
                        cells.length > 3 ? cells[3].strip() : "",
                        cells.length > 4 ? cells[4].strip() : ""));
            } catch (NumberFormatException | DateTimeParseException | ArrayIndexOutOfBoundsException e) {
                throw new IllegalArgumentException(file + " line " + (i + 1) + ": " + e.getMessage(), e);
            }
        }
        rows.sort((a, b) -> Double.compare(a.seconds, b.seconds));
        return new Trace(List.copyOf(rows));
    }

    private static double seconds(String cell) {
        if (cell.indexOf('-') < 1) {
            return Double.parseDouble(cell);
        }
        LocalDateTime at = LocalDateTime.parse(cell, DATE);
        return ChronoUnit.NANOS.between(LocalDateTime.of(2000, 1, 1, 0, 0), at) / 1e9;
    }

    /** The lines from {@code from} to {@code to} seconds. */
    public Trace between(double from, double to) {
        return new Trace(rows.stream()
                .filter(r -> r.seconds >= from && r.seconds < to)
                .map(r -> new Row(r.seconds - from, r.prompt, r.answer, r.tenant, r.serviceClass))
                .toList());
    }

    public double seconds() {
        return rows.isEmpty() ? 0 : rows.getLast().seconds;
    }

    /**
     * The same requests for one tenant of one class, faster and shorter.
     *
     * @param speed how many times as fast they come
     * @param scale of prompts and answers
     * @param limit the most tokens that every request asks for
     */
    public List<Arrival> arrivals(double speed, double scale, int limit, ServiceClass serviceClass) {
        List<Arrival> arrivals = new ArrayList<>();
        for (Row r : rows) {
            int answer = Math.clamp(Math.round(r.answer * scale), 1, limit);
            int prompt = Math.max(1, (int) Math.round(r.prompt * scale));
            arrivals.add(new Arrival(
                    (long) (r.seconds / speed * 1e9), "model", r.tenant, 1, serviceClass, prompt, answer, limit));
        }
        return arrivals;
    }
}
