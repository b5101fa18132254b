"""Names that the demonstration's people are put together from: of many origins, and of nobody in particular."""

_FIRST = """
Aaliyah Abena Adaeze Adwoa Agnieszka Ahmed Aiko Aisling Alasdair Alejandra Amara Ambrose Amina Anaïs Andrej
Anjali Antonia Aoife Arjun Astrid Ayesha Beatriz Bethan Bilal Birgit Björn Bronwen Callum Camila Carys Chidi
Chiara Chloë Clementine Connor Dafydd Daniyar Deepika Delphine Demetrius Dilys Dmitri Ebony Efua Eilidh
Ekaterina Eleni Elif Emeka Emre Esther Ewan Farah Fatima Fenella Fergus Fiona François Freya Gabriela Gareth
Giles Grażyna Gwendolen Hamza Hana Harriet Haruto Hilde Hyun Ifeoma Imran Ines Ingrid Isla Ivana Jacinta Jamal
Jasmin Jędrzej Jia João Josefina Kamala Karim Kateryna Kavya Keiko Kenji Khadija Kwame Lachlan Laila Leilani
Lerato Liesel Linh Lorcan Lucía Luka Maeve Magnus Malik Marcin Marguerite Mariam Mateo Mehmet Mei Meredith
Milena Mireille Moira Moses Nadia Naoko Nasreen Neha Niamh Nikolai Noor Obinna Olena Olwen Omari Oscar Padraig
Paloma Parveen Pádraic Petra Phoebe Priyanka Quentin Rafael Rajesh Ramona Rania Rhiannon Roisin Rosalind Ruth
Sadiq Saoirse Sanjay Sefton Seren Shanice Siân Sibusiso Sinéad Sofia Søren Soraya Stefan Sunita Svetlana Tamsin
Tariq Tendai Thandiwe Thierry Tobias Tomasz Uchenna Ulrike Valentina Vasily Vikram Violet Wanjiru Wei Wilfred
Xiomara Yasmin Yelena Yusuf Zainab Zofia Zoë
"""

_LAST = """
Abara Abernathy Achterberg Adebayo Aguilar Ahlström Akintola Albescu Allardyce Amankwah Anstruther Appiah
Arkwright Asante Ashdown Babcock Balakrishnan Bannerman Baptiste Barraclough Bellweather Bengtsson Bhatt Bialik
Birchall Blackadder Boateng Bondarenko Bramwell Brathwaite Brzezicki Calloway Carmichael Castellano Cattermole
Chakraborty Chowdhury Cholmondeley Clutterbuck Coldwell Comerford Cravenwood Crisologo Dahlgren Dalrymple
D'Amato Danjuma de_Vries Delacroix Demirci Desrosiers Dhillon Dłużniewska Dobrev Drakeford Duckworth Dzhugash
Eastaugh Echeverría Ekholm El-Amin Elphinstone Ekwueme Escobedo Fairweather Farrokhzad Featherstone Ferreira
Fitzwilliam Fofana Frobisher Gallacher Ganesan García-Ruiz Gathercole Ghosh Goldwater Grantham Greenhalgh
Grimshaw Gupta Hagopian Halloran Hammersmith Hardcastle Hashimoto Haverford Hendricks Hollingworth Horvathova
Huang Ibarra Idowu Ilves Inglethorpe Ishikawa Jagger Jankauskas Jepsen Jimoh Kaczmarek Kapoor Karlsdóttir
Kealoha Khatun Kilbride Kimathi Kowalczuk Krishnamurthy Kuznetsova Lachance Lagrange Lindqvist Littlejohn
Lovelace Macalister Macinnes Magdaleno Mahlangu Makinde Malhotra Marchetti Mbeki-Stone McAllister McGillicuddy
Mendonça Mirzaei Mukherjee Mwangi Nakagawa Ndlovu Nethersole Nguyen Nightingale Nordström Nowicki Nwosu
O'Callaghan O'Dowd Oduya Okafor Okonkwo Oladipo Olufemi Osei Ostrowski Oyelaran Pankhurst Papadakis Pemberton
Pereira Petrossian Pfeiffer Pickersgill Quayle Quillfeather Rahman Rajasekaran Ramanathan Ravenscroft Redfern
Rosenqvist Rutherglen Sackville Sandoval Sato Scattergood Shapovalov Silverthorne Singh-Lowe Skarsgaard Sokolova
Stapleford Strickland Sundaram Szczepański Takahashi Tattersall Tesfaye Thistlethwaite Threlkeld Tiwari
Trelawney Trevelyan Uddin Ugarte Underhill Usman Valdivia van_Houten Vásquez Venkatesan Verstappen-Lee
Villanueva Vuković Wadsworth Wainwright Wanjala Warrington Weatherby Whittingham Winterbourne Wójcik
Wolstenholme Woodhouse Wrigglesworth Xiong Yamamoto Yardley Yeboah Yıldız Zabłocki Zamora Zetterlund Zielińska
Zubairi
"""

FIRST_NAMES = tuple(_FIRST.split())
LAST_NAMES = tuple(name.replace("_", " ") for name in _LAST.split())
