package io.ashlar.model.text;

import static org.assertj.core.api.Assertions.assertThat;

import io.ashlar.engine.DemoModels;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import net.jqwik.api.constraints.StringLength;
import net.jqwik.api.lifecycle.BeforeContainer;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class TextTest {
    static Tokenizer tokenizer;

    @BeforeAll
    @BeforeContainer
    static void load() throws IOException {
        tokenizer = new Tokenizer(Files.readAllBytes(DemoModels.FOLDER.resolve("demo-base/tokenizer.json")), 1536);
    }

    @Property(tries = 300)
    void what_is_encoded_is_decoded_again(@ForAll @StringLength(max = 40) String text) {
        String normal = java.text.Normalizer.normalize(wellFormed(text), java.text.Normalizer.Form.NFC);
        assertThat(tokenizer.decode(tokenizer.encode(normal, false))).isEqualTo(normal);
    }

    private static String wellFormed(String text) {
        return new String(text.getBytes(StandardCharsets.UTF_8), StandardCharsets.UTF_8);
    }

    @Property(tries = 300)
    void tokens_one_by_one_give_the_same_text_as_their_bytes_together(
            @ForAll @Size(max = 30) List<@IntRange(min = 0, max = 1532) Integer> tokens) {
        java.io.ByteArrayOutputStream all = new java.io.ByteArrayOutputStream();
        Detokenizer detokenizer = new Detokenizer(tokenizer.bytes());
        StringBuilder text = new StringBuilder();
        for (int token : tokens) {
            all.writeBytes(tokenizer.bytes().of(token));
            text.append(detokenizer.add(token));
        }
        text.append(detokenizer.end());
        assertThat(text).hasToString(all.toString(StandardCharsets.UTF_8));
    }

    @Test
    void half_a_character_is_never_given_out() {
        int[] tokens = tokenizer.encode("na\u00efve \u4f60\u597d \ud83d\ude00", false);
        Detokenizer detokenizer = new Detokenizer(tokenizer.bytes());
        StringBuilder text = new StringBuilder();
        for (int token : tokens) {
            String piece = detokenizer.add(token);
            assertThat(piece).doesNotContain("\ufffd");
            assertThat(piece.isEmpty() || !Character.isHighSurrogate(piece.charAt(piece.length() - 1)))
                    .isTrue();
            text.append(piece);
        }
        assertThat(text.append(detokenizer.end())).hasToString("na\u00efve \u4f60\u597d \ud83d\ude00");
    }

    @Property(tries = 1000)
    void a_text_is_cut_at_its_first_stop_string_however_it_comes(
            @ForAll("ab") String text,
            @ForAll("abStop") String first,
            @ForAll("abStop") String second,
            @ForAll long seed) {
        List<String> stops = List.of(first, second);
        StopStrings watcher = new StopStrings(stops);
        java.util.Random random = new java.util.Random(seed);
        StringBuilder given = new StringBuilder();
        List<String> pieces = new ArrayList<>();
        for (int at = 0; at < text.length(); ) {
            int end = Math.min(text.length(), at + 1 + random.nextInt(3));
            pieces.add(text.substring(at, end));
            at = end;
        }
        // The plain way: all of the text so far, looked through after each piece.
        StringBuilder sofar = new StringBuilder();
        String expected = null;
        for (String piece : pieces) {
            sofar.append(piece);
            int cut = Integer.MAX_VALUE;
            for (String stop : stops) {
                int at = sofar.indexOf(stop);
                cut = at >= 0 ? Math.min(cut, at) : cut;
            }
            given.append(watcher.add(piece));
            if (cut != Integer.MAX_VALUE) {
                expected = sofar.substring(0, cut);
                break;
            }
            assertThat(text).startsWith(given.toString());
        }
        assertThat(watcher.stopped()).isEqualTo(expected != null);
        given.append(watcher.end());
        assertThat(given).hasToString(expected == null ? text : expected);
    }

    @net.jqwik.api.Provide
    net.jqwik.api.Arbitrary<String> ab() {
        return net.jqwik.api.Arbitraries.strings().withChars("ab").ofMaxLength(30);
    }

    @net.jqwik.api.Provide
    net.jqwik.api.Arbitrary<String> abStop() {
        return net.jqwik.api.Arbitraries.strings()
                .withChars("ab")
                .ofMinLength(1)
                .ofMaxLength(5);
    }
}
