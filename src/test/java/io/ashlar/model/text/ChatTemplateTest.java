package io.ashlar.model.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.time.Clock;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Against Jinja2 itself: chat-templates.json is made by tools/chat-templates.py. */
class ChatTemplateTest {
    record Case(JsonNode json, String now) {
        @Override
        public String toString() {
            return json.get("name").asString();
        }

        String render() {
            Map<String, String> special = new LinkedHashMap<>();
            json.get("special_tokens")
                    .properties()
                    .forEach(e -> special.put(e.getKey(), e.getValue().asString()));
            List<Map<String, Object>> messages = new ArrayList<>();
            for (JsonNode message : json.get("messages")) {
                Map<String, Object> m = new LinkedHashMap<>();
                message.properties().forEach(e -> m.put(e.getKey(), e.getValue().asString()));
                messages.add(m);
            }
            Clock clock = Clock.fixed(LocalDateTime.parse(now).toInstant(ZoneOffset.UTC), ZoneOffset.UTC);
            return new ChatTemplate(json.get("template").asString(), special, clock)
                    .render(messages, json.get("add_generation_prompt").asBoolean());
        }
    }

    static Stream<Case> cases() throws IOException {
        try (var in = ChatTemplateTest.class.getResourceAsStream("/chat-templates.json")) {
            JsonNode root = JsonMapper.shared().readTree(in);
            return root.get("cases")
                    .valueStream()
                    .map(c -> new Case(c, root.get("now").asString()));
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void renders_as_jinja_does(Case c) {
        if (c.json.has("refusal")) {
            assertThatThrownBy(c::render)
                    .isInstanceOf(ChatTemplate.Refusal.class)
                    .hasMessage(c.json.get("refusal").asString());
        } else {
            assertThat(c.render()).isEqualTo(c.json.get("expected").asString());
        }
    }

    @Test
    void what_a_message_says_is_not_a_template() {
        ChatTemplate template = new ChatTemplate("{% for m in messages %}{{ m.content }}{% endfor %}", Map.of());
        String evil = "{{ 7 * 7 }}{% for x in range(9) %}x{% endfor %}";
        assertThat(template.render(List.of(Map.of("role", "user", "content", evil)), false))
                .isEqualTo(evil);
    }
}
