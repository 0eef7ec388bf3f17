// Draws the diagrams of a page.
for (const code of document.querySelectorAll('code.language-mermaid')) {
  const diagram = document.createElement('pre')
  diagram.className = 'mermaid'
  diagram.textContent = code.textContent
  code.parentElement.replaceWith(diagram)
}
const isDark = ['ayu', 'coal', 'navy'].some((theme) => document.documentElement.classList.contains(theme))
mermaid.initialize({ startOnLoad: false, theme: isDark ? 'dark' : 'default' })
mermaid.run()
